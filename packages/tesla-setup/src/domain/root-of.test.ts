import { expect, it } from 'vitest';
import { rootOf } from './root-of.js';

it.each([
  ['example.com', 'example.com'],
  ['Telemetry.Example.com', 'example.com'],
  ['a.b.example.de', 'example.de'],
  ['cars.example.co.uk', 'example.co.uk'],
  ['cars.example.com.au', 'example.com.au'],
])('the root of %s is %s', (name, root) => {
  expect(rootOf(name)).toBe(root);
});

import { expect, it } from 'vitest';
import { isNewerEntry } from './entry-order.js';

it.each([
  ['10-0', '9-0', true],
  ['9-0', '10-0', false],
  ['9-10', '9-9', true],
  ['9-9', '9-10', false],
  ['9-9', '9-9', false],
  ['1700000000000-18446744073709551615', '1700000000000-18446744073709551614', true],
])('compares entry ids as numbers: %s after %s is %s', (a, b, isNewer) => {
  expect(isNewerEntry(a, b)).toBe(isNewer);
});

import { format, inspect } from 'node:util';
import { expect, test } from 'vitest';
import { Secret } from './secret.js';

const secret = new Secret('hunter2');

test('a secret becomes *** in every conversion to text', () => {
  const texts = [
    `${secret}`,
    String(secret),
    `${secret}`.concat(''),
    JSON.stringify({ secret }),
    inspect({ secret }, { showHidden: true, depth: 9 }),
    format('%s %o %j', secret, secret, secret),
    JSON.stringify({ ...secret }),
  ];
  expect(texts.filter((text) => text.includes('hunter2'))).toEqual([]);
  expect(JSON.stringify({ secret })).toBe('{"secret":"***"}');
  expect(`${secret}`).toBe('***');
});

test('reveal() returns the value of a secret', () => {
  expect(secret.reveal()).toBe('hunter2');
});

import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { seal, unseal } from './sealed.js';

const key = randomBytes(32);

it('any text is read back with the same key and name', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.string(), (text, name) => {
      const sealed = seal(text, { key, name });
      expect(unseal(sealed, { key, name })).toBe(text);
      expect(unseal(sealed, { key, name: `${name}.` })).toBeUndefined();
      expect(unseal(sealed, { key: randomBytes(32), name })).toBeUndefined();
    }),
    { numRuns: 20 },
  );
});

it('text that was changed or cut off is not read', () => {
  const sealed = seal('refresh token', { key, name: 'tokens' });
  for (let length = 0; length < sealed.length - 1; length += 1) {
    expect(unseal(sealed.slice(0, length), { key, name: 'tokens' })).toBeUndefined();
  }
  const bytes = Buffer.from(sealed.slice(3), 'base64url');
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes);
    changed[at] = changed[at]! ^ 1;
    expect(unseal(`v1:${changed.toString('base64url')}`, { key, name: 'tokens' })).toBeUndefined();
  }
});

it('the same text is encrypted differently each time', () => {
  const texts = new Set(Array.from({ length: 20 }, () => seal('same', { key, name: 'tokens' })));
  expect(texts.size).toBe(20);
});

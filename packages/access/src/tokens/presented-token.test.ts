import { describe, expect, it } from 'vitest';
import { bareToken, requestToken } from './presented-token.js';

describe('a presented token', () => {
  it.each([
    ['abc', 'abc'],
    ['?token=abc', 'abc'],
    ['token=abc', 'abc'],
    ['Bearer abc', 'abc'],
    [' abc ', 'abc'],
    [undefined, ''],
  ])('is read from %s', (given, bare) => {
    expect(bareToken(given)).toBe(bare);
  });

  it('comes from the header, otherwise from the URL', () => {
    expect(requestToken('/streaming/?token=q', 'Bearer h')).toBe('Bearer h');
    expect(requestToken('/streaming/?a=1&token=q%2B', undefined)).toBe('q+');
    expect(requestToken('/streaming/', undefined)).toBeUndefined();
  });
});

import { expect, it } from 'vitest';
import { bindAddress, isBindAllowed } from './bind-policy.js';

const open = { isAuthRequired: false, isOpenAllowed: false };

it('binds to all addresses by default when clients must authenticate or the network is trusted', () => {
  expect(bindAddress({ ...open, bind: undefined, isAuthRequired: true })).toBeUndefined();
  expect(bindAddress({ ...open, bind: undefined, isOpenAllowed: true })).toBeUndefined();
  expect(bindAddress({ ...open, bind: undefined })).toBe('127.0.0.1');
  expect(bindAddress({ ...open, bind: '::1' })).toBe('::1');
});

it.each(['127.0.0.1', '::1', 'localhost', undefined])('allows %s without authentication', (bind) => {
  expect(isBindAllowed({ ...open, bind })).toBe(true);
});

it.each(['0.0.0.0', '192.0.2.1', '::'])('allows %s only with authentication or in a trusted network', (bind) => {
  expect(isBindAllowed({ ...open, bind })).toBe(false);
  expect(isBindAllowed({ ...open, bind, isAuthRequired: true })).toBe(true);
  expect(isBindAllowed({ ...open, bind, isOpenAllowed: true })).toBe(true);
});

import { describe, expect, it } from 'vitest';
import { parseScopes, scopes, scopesOf } from './scopes.js';

describe('parseScopes', () => {
  it('returns each scope once, in a fixed order', () => {
    expect(parseScopes(['read', 'stream', 'read'])).toEqual(['stream', 'read']);
    expect(parseScopes([...scopes])).toEqual(scopes);
    expect(parseScopes([])).toEqual([]);
  });

  it.each(['commands', 'Read', '*', ''])('rejects the unknown scope %j', (text) => {
    expect(() => parseScopes(['read', text])).toThrow(`unknown scope "${text}"; expected some of stream, read`);
  });
});

describe('scopesOf', () => {
  it('gives a grant without scopes `stream` and `read`, and no more', () => {
    expect(scopesOf(undefined)).toEqual(['stream', 'read']);
  });

  it('gives a grant the scopes of its list', () => {
    expect(scopesOf(['command'])).toEqual(['command']);
    expect(scopesOf([])).toEqual([]);
  });

  it.each([[['fly']], [['read', 'fly']], ['read'], [null], [{ read: true }]])(
    'never widens what it does not understand: %j',
    (stored) => {
      expect(scopesOf(stored)).toEqual(Array.isArray(stored) && stored.includes('read') ? ['read'] : []);
    },
  );
});

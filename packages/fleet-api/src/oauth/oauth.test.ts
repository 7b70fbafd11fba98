import { describe, expect, it } from 'vitest';
import { readRedirect, readTokenClaims } from './index.js';

describe('sign-in', () => {
  it('reads the address at which the browser ended', () => {
    const address = 'http://localhost:3000/callback?code=NA_1&state=s';
    expect(readRedirect(address, 's')).toEqual({ kind: 'code', code: 'NA_1' });
    expect(readRedirect(address, 'other')).toEqual({ kind: 'other_state' });
    expect(readRedirect('http://l/?error=access_denied&state=s', 's')).toEqual({
      kind: 'refused',
      error: 'access_denied',
    });
    for (const text of ['', 'NA_1', 'http://localhost:3000/']) {
      expect(readRedirect(text, 's')).toEqual({ kind: 'not_valid' });
    }
  });

  it('reads the scopes of an access token', () => {
    const part = Buffer.from(JSON.stringify({ scp: ['openid', 7], exp: 1_800_000_000 })).toString('base64url');
    expect(readTokenClaims(`x.${part}.y`)).toEqual({ scopes: ['openid'], expiresMs: 1_800_000_000_000 });
    for (const text of ['', 'x', 'x.y.z', 'x.bnVsbA.z']) {
      expect(readTokenClaims(text)).toEqual({ scopes: undefined, expiresMs: undefined });
    }
  });
});

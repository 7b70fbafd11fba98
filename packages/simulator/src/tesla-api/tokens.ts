// The tokens of Tesla's sign-in: codes that live a minute, access tokens of 8 hours, and refresh tokens that rotate.
import { randomBytes } from 'node:crypto';

export interface AccessToken {
  readonly kind: 'owner' | 'partner';
  readonly scopes: readonly string[];
  readonly expiresMs: number;
}

export interface Grant {
  readonly scopes: readonly string[];
  readonly redirectUri: string;
}

export interface Tokens {
  createCode(grant: Grant): string;
  /** Each code once. `wrong_redirect_uri` leaves the code usable. */
  useCode(code: string, redirectUri: string): Grant | undefined;
  createAccess(kind: AccessToken['kind'], scopes: readonly string[]): string;
  /** Undefined when it is unknown or expired. */
  access(token: string): AccessToken | undefined;
  createRefresh(scopes: readonly string[]): string;
  /** Rotates; undefined when it is not valid any more. */
  useRefresh(token: string, keepsLast: boolean): { scopes: readonly string[]; refreshToken: string } | undefined;
  /** As after a change of the password: every token of the owner. */
  revokeOwner(): void;
}

export const ACCESS_TOKEN_SECONDS = 8 * 3600;
const CODE_MS = 60_000;
const REFRESH_TOKEN_MS = 90 * 86_400_000;
const LAST_USED_MS = 24 * 3_600_000;

/** One sign-in. `current` was never used; `last` is the one that was used most recently. */
interface SignIn {
  readonly scopes: readonly string[];
  current: { token: string; expiresMs: number };
  last: { token: string; expiresMs: number } | undefined;
}

export function createTokens(now: () => number): Tokens {
  const codes = new Map<string, Grant & { expiresMs: number }>();
  const accesses = new Map<string, AccessToken>();
  const signIns: SignIn[] = [];

  return {
    createCode(grant) {
      const code = `NA_${randomBytes(24).toString('hex')}`;
      codes.set(code, { ...grant, expiresMs: now() + CODE_MS });
      return code;
    },
    useCode(code, redirectUri) {
      const grant = codes.get(code);
      if (grant === undefined || grant.redirectUri !== redirectUri) return undefined;
      codes.delete(code);
      return grant.expiresMs > now() ? grant : undefined;
    },
    createAccess(kind, scopes) {
      const expiresMs = now() + ACCESS_TOKEN_SECONDS * 1_000;
      const token = webToken({ kind, scp: scopes, exp: Math.floor(expiresMs / 1000), iat: Math.floor(now() / 1000) });
      accesses.set(token, { kind, scopes, expiresMs });
      return token;
    },
    access(token) {
      const access = accesses.get(token);
      return access !== undefined && access.expiresMs > now() ? access : undefined;
    },
    createRefresh(scopes) {
      const current = newRefresh();
      signIns.push({ scopes, current, last: undefined });
      return current.token;
    },
    useRefresh(token, keepsLast) {
      for (const signIn of signIns) {
        const isCurrent = signIn.current.token === token && signIn.current.expiresMs > now();
        const isLast = keepsLast && signIn.last?.token === token && signIn.last.expiresMs > now();
        if (!isCurrent && !isLast) continue;
        if (isCurrent) signIn.last = { token, expiresMs: now() + LAST_USED_MS };
        // After a repeat with the last one, the answer that was lost is void.
        signIn.current = newRefresh();
        return { scopes: signIn.scopes, refreshToken: signIn.current.token };
      }
      return undefined;
    },
    revokeOwner() {
      signIns.length = 0;
      for (const [token, { kind }] of accesses) if (kind === 'owner') accesses.delete(token);
    },
  };

  function newRefresh() {
    return { token: `NA_${randomBytes(32).toString('hex')}`, expiresMs: now() + REFRESH_TOKEN_MS };
  }
}

/** The form of a JWT with a random signature: clients may read the claims, only the stand-in knows which are valid. */
export function webToken(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}.${randomBytes(32).toString('base64url')}`;
}

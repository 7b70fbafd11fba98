// The claims of an access token. Not verified: it came from Tesla, and Tesla verifies it.

export interface TokenClaims {
  /** What the owner has allowed; undefined if the token does not have them. */
  readonly scopes: readonly string[] | undefined;
  readonly expiresMs: number | undefined;
}

export function readTokenClaims(accessToken: string): TokenClaims {
  try {
    const [, claims = ''] = accessToken.split('.');
    const { scp, exp }: Record<string, unknown> = JSON.parse(Buffer.from(claims, 'base64url').toString('utf8'));
    const list = typeof scp === 'string' ? scp.split(' ') : scp;
    return {
      scopes: Array.isArray(list) ? list.filter((scope) => typeof scope === 'string') : undefined,
      expiresMs: typeof exp === 'number' && Number.isFinite(exp) ? exp * 1_000 : undefined,
    };
  } catch {
    return { scopes: undefined, expiresMs: undefined };
  }
}

// Tesla's token endpoint: of a sign-in, of a refresh, and of the application itself.
import { type Caller, type Endpoint, notValid, readAnswer } from '../calls/index.js';

export interface OwnerTokens {
  readonly accessToken: string;
  /** Replaces the one that was used. Undefined without the scope offline_access. */
  readonly refreshToken: string | undefined;
  readonly expiresInSeconds: number;
  /** What the owner has allowed, if the answer names it. */
  readonly scopes?: readonly string[];
}

export interface Application {
  readonly clientId: string;
  readonly clientSecret: string;
}

export interface TokenParts {
  readonly caller: Caller;
  readonly tokenUrl: string;
  /** Origin of the Fleet API that the token is for. */
  readonly audience: string;
}

/** A code is valid for about a minute, and once. */
export function exchangeCode(
  parts: TokenParts,
  { clientId, clientSecret, code, redirectUri }: Application & { code: string; redirectUri: string },
): Promise<OwnerTokens> {
  return tokens(parts, 'token_code', [clientSecret, code], {
    grant_type: 'authorization_code',
    client_id: clientId,
    client_secret: clientSecret,
    code,
    audience: parts.audience,
    redirect_uri: redirectUri,
  });
}

/**
 * The answer replaces the refresh token; one without another keeps it (RFC 6749, 6). Repeated only when Tesla has not
 * executed the request.
 */
export async function refreshTokens(
  parts: Omit<TokenParts, 'audience'>,
  { clientId, refreshToken }: { clientId: string; refreshToken: string },
): Promise<OwnerTokens & { refreshToken: string }> {
  const answer = await tokens(parts, 'token_refresh', [refreshToken], {
    grant_type: 'refresh_token',
    client_id: clientId,
    refresh_token: refreshToken,
  });
  return { ...answer, refreshToken: answer.refreshToken ?? refreshToken };
}

export const partnerScopes = ['openid', 'vehicle_device_data', 'vehicle_location'] as const;

/** The token of the application, for one region. Valid for 8 hours. */
export function partnerToken(
  parts: TokenParts,
  { clientId, clientSecret, scopes = partnerScopes }: Application & { scopes?: readonly string[] },
): Promise<OwnerTokens> {
  return tokens(parts, 'token_partner', [clientSecret], {
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: clientSecret,
    scope: scopes.join(' '),
    audience: parts.audience,
  });
}

async function tokens(
  { caller, tokenUrl }: Omit<TokenParts, 'audience'>,
  endpoint: Endpoint,
  secrets: readonly string[],
  form: Readonly<Record<string, string>>,
): Promise<OwnerTokens> {
  const answer = await caller({
    endpoint,
    method: 'POST',
    url: tokenUrl,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(form).toString(),
  });
  const { access_token, refresh_token, expires_in, scope } = readAnswer(answer, { endpoint, secrets });
  const refreshToken = refresh_token === null || refresh_token === '' ? undefined : refresh_token;
  const expiresInSeconds = Number(expires_in ?? LIFETIME_SECONDS);
  if (!isToken(access_token)) throw notValid(endpoint, 'access_token');
  if (!(expiresInSeconds > 0)) throw notValid(endpoint, 'expires_in');
  if (refreshToken !== undefined && !isToken(refreshToken)) throw notValid(endpoint, 'refresh_token');
  const scopes = typeof scope === 'string' && scope !== '' ? { scopes: scope.split(' ') } : {};
  return { accessToken: access_token, refreshToken, expiresInSeconds, ...scopes };
}

/** Of an answer that does not name it. Tesla's tokens are valid for 8 hours. */
const LIFETIME_SECONDS = 28_800;

/** Text that fits in a header. */
function isToken(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value);
}

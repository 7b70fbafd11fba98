// Tesla's sign-in: the page that the owner's browser opens, and the token endpoint.
import type { Account } from './account.js';
import { type Answer, type ApiRequest, json, signInFailure } from './answer.js';
import { ACCESS_TOKEN_SECONDS, type Tokens, webToken } from './tokens.js';

/** The owner is signed in and agrees at once: the page redirects. */
export function authorize({ application, state }: Account, tokens: Tokens, { query }: ApiRequest): Answer {
  const redirectUri = query.get('redirect_uri') ?? '';
  if (query.get('client_id') !== application.clientId) return page(400, 'unauthorized_client: unknown client_id');
  if (!['*', redirectUri].some((uri) => application.redirectUris.includes(uri)) || !URL.canParse(redirectUri))
    return page(400, 'invalid_request: redirect_uri is not allowed');
  const target = new URL(redirectUri);
  const clientState = query.get('state');
  if (clientState !== null) target.searchParams.set('state', clientState);
  if (query.get('response_type') !== 'code') {
    target.searchParams.set('error', 'unsupported_response_type');
  } else if (state.isSignInDenied) {
    target.searchParams.set('error', 'access_denied');
  } else {
    const asked = (query.get('scope') ?? '').split(' ').filter(Boolean);
    const { grantedScopes } = state;
    const scopes = asked.filter((scope) => !grantedScopes || grantedScopes.includes(scope));
    target.searchParams.set('code', tokens.createCode({ scopes, redirectUri }));
  }
  return { status: 302, body: '', headers: { location: target.href } };
}

export function token(account: Account, tokens: Tokens, { body }: ApiRequest): Answer {
  const { application, state } = account;
  const form = new URLSearchParams(body);
  const given = (name: string) => form.get(name) ?? '';
  if (given('client_id') !== application.clientId) {
    return signInFailure(401, 'unauthorized_client', 'The client is not authorized');
  }
  const isSecretRight = given('client_secret') === application.clientSecret;
  const badSecret = signInFailure(401, 'unauthorized_client', 'The client secret is wrong');

  switch (given('grant_type')) {
    case 'client_credentials': {
      if (!isSecretRight) return badSecret;
      if (given('audience') === '') return signInFailure(400, 'invalid_request', 'audience is missing');
      return tokenAnswer({ access_token: tokens.createAccess('partner', scopesOf(given('scope'))) });
    }
    case 'authorization_code': {
      if (!isSecretRight) return badSecret;
      const grant = tokens.useCode(given('code'), given('redirect_uri'));
      if (grant === undefined) return signInFailure(400, 'invalid_grant', 'The code is unknown, used or expired');
      const isOffline = grant.scopes.includes('offline_access');
      return tokenAnswer({
        access_token: tokens.createAccess('owner', grant.scopes),
        ...(isOffline ? { refresh_token: tokens.createRefresh(grant.scopes) } : {}),
        id_token: webToken({ sub: 'owner' }),
        state: given('state'),
      });
    }
    case 'refresh_token': {
      const used = tokens.useRefresh(given('refresh_token'), state.keepsLastRefreshToken);
      if (used === undefined) return signInFailure(401, 'login_required', 'The refresh_token is invalid or expired');
      return tokenAnswer({
        access_token: tokens.createAccess('owner', used.scopes),
        refresh_token: used.refreshToken,
        id_token: webToken({ sub: 'owner' }),
      });
    }
    default:
      return signInFailure(
        400,
        'unsupported_grant_type',
        'expected authorization_code, refresh_token or client_credentials',
      );
  }
}

function tokenAnswer(tokens: Readonly<Record<string, string>>): Answer {
  return json(200, { ...tokens, expires_in: ACCESS_TOKEN_SECONDS, token_type: 'Bearer' });
}

const scopesOf = (text: string): string[] => text.split(' ').filter(Boolean);

function page(status: number, text: string): Answer {
  return { status, body: `<!doctype html><p>${text}</p>`, headers: { 'content-type': 'text/html; charset=utf-8' } };
}

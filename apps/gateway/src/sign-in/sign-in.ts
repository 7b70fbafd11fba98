// The token endpoint as TeslaMate calls it at sign-in, at each start and before its token expires. TeslaMate crashes when
// a token is missing in the answer or `expires_in` is no number.
import { bareToken, type ClientAccess, type ClientUses } from '@fleetbridge/access';
import { ACCESS_TOKEN_SECONDS, type ClientStore } from '@fleetbridge/store';

export interface SignInOptions {
  clients: Pick<ClientStore, 'mint'>;
  uses: Pick<ClientUses, 'record'>;
  now: () => number;
}

export interface TokenRequest {
  grant_type?: unknown;
  refresh_token?: unknown;
}

export type TokenAnswer =
  | { status: 200; body: IssuedTokens }
  | { status: 400 | 401 | 503; body: { error: string; error_description: string } };

export interface IssuedTokens {
  access_token: string;
  refresh_token: string;
  id_token: string;
  token_type: 'Bearer';
  expires_in: number;
  /** Epoch seconds. */
  created_at: number;
}

/** A refresh token is 47 characters long; Tesla's have about 2,000. */
const MAX_TOKEN_LENGTH = 8_192;

export class SignIn {
  readonly #options: SignInOptions;

  constructor(options: SignInOptions) {
    this.#options = options;
  }

  /**
   * With a Bearer that is ours (TOKEN in TeslaMate) the answer is that Bearer, whatever the refresh token. Otherwise a new
   * access token for a refresh token of `fleetbridge teslamate`. Rejects when Redis does not answer.
   */
  async answer(request: TokenRequest, bearer: string | undefined, client: ClientAccess): Promise<TokenAnswer> {
    const { grant_type: grantType = 'refresh_token', refresh_token: refreshToken } = request;
    if (grantType !== 'refresh_token') {
      return refused(400, 'unsupported_grant_type', 'expected grant_type "refresh_token"');
    }
    if (refreshToken !== undefined && refreshToken !== null && typeof refreshToken !== 'string') {
      return refused(400, 'invalid_request', 'expected refresh_token to be a text');
    }
    const given = refreshToken ?? '';
    const token = bareToken(bearer);
    if (token !== '') {
      const grant = await client.identifyWithRetry(token);
      if (grant === 'unknown') return refused(503, 'temporarily_unavailable', 'not ready; try again in a moment');
      if (grant !== 'refused') return this.#issued(token, given === '' ? token : given);
    }
    if (given === '' || given.length > MAX_TOKEN_LENGTH) return unknownToken();
    const minted = await this.#options.clients.mint(given, this.#options.now());
    if (minted === undefined) return unknownToken();
    this.#options.uses.record(`token:${minted.grant.id}`, 'sign_in');
    return this.#issued(minted.accessToken, given);
  }

  #issued(accessToken: string, refreshToken: string): TokenAnswer {
    const body: IssuedTokens = {
      access_token: accessToken,
      refresh_token: refreshToken,
      // the library of a Home Assistant integration requires one, and does not read it
      id_token: accessToken,
      token_type: 'Bearer',
      expires_in: ACCESS_TOKEN_SECONDS,
      created_at: Math.floor(this.#options.now() / 1000),
    };
    return { status: 200, body };
  }
}

function unknownToken(): TokenAnswer {
  return refused(401, 'invalid_grant', 'this refresh token was not issued here; "fleetbridge teslamate" creates one');
}

function refused(status: 400 | 401 | 503, error: string, description: string): TokenAnswer {
  return { status, body: { error, error_description: description } };
}

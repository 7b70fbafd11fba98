// Tesla's own access tokens, which TeslaMate sends when it polls Tesla's Fleet API itself: genuine when one of Tesla's
// published keys has signed them, they come from one of Tesla's issuers and have not expired.
import { decodeJwt, errors, jwtVerify } from 'jose';
import { type KeySet, KeysUnavailable } from './key-set.js';

export const TESLA_KEYS_URL = 'https://auth.tesla.com/oauth2/v3/discovery/thirdparty/keys';

/** Who signs tokens at Tesla: for the Owner API and the Fleet API, with and without `/nts`, and the same in China. */
export const teslaIssuers = ['auth.tesla.com', 'fleet-auth.tesla.com', 'auth.tesla.cn', 'fleet-auth.tesla.cn'].flatMap(
  (host) => [`https://${host}/oauth2/v3`, `https://${host}/oauth2/v3/nts`],
);

// Only kinds with a public key: with a shared secret, a published key would be one.
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const LONGEST_TOKEN = 8_192;
const TOLERATED_SECONDS = 60;

export type TeslaFinding =
  | { kind: 'account'; account: string }
  | { kind: 'refused'; reason: 'tesla_expired' | 'tesla_not_genuine' }
  /** The keys can't be had now. */
  | { kind: 'unknown' };

export class TeslaTokens {
  readonly #keys: KeySet;
  readonly #issuers: readonly string[];
  readonly #now: () => number;

  constructor({ keys, issuers, now }: { keys: KeySet; issuers: readonly string[]; now: () => number }) {
    this.#keys = keys;
    this.#issuers = issuers;
    this.#now = now;
  }

  /** Whether a text claims to be one. Costs no cryptography. */
  isOne(token: string): boolean {
    return token.length <= LONGEST_TOKEN && this.#issuers.includes(issuerOf(token));
  }

  /** Whose it is: the `sub` of a genuine token. */
  async examine(token: string): Promise<TeslaFinding> {
    try {
      const { payload } = await jwtVerify(token, this.#keys.keyOf, {
        issuer: [...this.#issuers],
        algorithms: ALGORITHMS,
        requiredClaims: ['sub', 'exp'],
        clockTolerance: TOLERATED_SECONDS,
        currentDate: new Date(this.#now()),
      });
      return payload.sub ? { kind: 'account', account: payload.sub } : { kind: 'refused', reason: 'tesla_not_genuine' };
    } catch (error) {
      if (error instanceof KeysUnavailable) return { kind: 'unknown' };
      const isExpired = error instanceof errors.JWTExpired;
      return { kind: 'refused', reason: isExpired ? 'tesla_expired' : 'tesla_not_genuine' };
    }
  }
}

function issuerOf(token: string): string {
  // three parts in base64url; a token of our own has no dot
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return '';
  try {
    return decodeJwt(token).iss ?? '';
  } catch {
    // not JSON inside: somebody else's text
    return '';
  }
}

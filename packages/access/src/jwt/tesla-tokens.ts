// Tesla's own access tokens, which TeslaMate sends when it polls Tesla's Fleet API itself. A token is valid when one of
// Tesla's published keys signed it, its issuer is one of Tesla's, and it has not expired.
import { decodeJwt, errors, jwtVerify } from 'jose';
import { type KeySet, KeysUnavailable } from './key-set.js';

// Asymmetric algorithms only: with HS256 the published key would be the secret.
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const MAX_TOKEN_LENGTH = 8_192;
const CLOCK_TOLERANCE_SECONDS = 60;

export type TeslaTokenResult =
  | { kind: 'account'; account: string; expiresMs: number }
  | { kind: 'refused'; reason: 'tesla_expired' | 'tesla_not_genuine' }
  /** The keys are unavailable now. */
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

  /** Whether a text claims to be one. Uses no cryptography. */
  isTeslaToken(token: string): boolean {
    return token.length <= MAX_TOKEN_LENGTH && this.#issuers.includes(issuerOf(token));
  }

  /** The account (`sub`) of a valid token. */
  async verify(token: string): Promise<TeslaTokenResult> {
    try {
      const { payload } = await jwtVerify(token, this.#keys.keyOf, {
        issuer: [...this.#issuers],
        algorithms: ALGORITHMS,
        requiredClaims: ['sub', 'exp'],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        currentDate: new Date(this.#now()),
      });
      const { sub: account, exp = 0 } = payload;
      return account
        ? { kind: 'account', account, expiresMs: exp * 1_000 }
        : { kind: 'refused', reason: 'tesla_not_genuine' };
    } catch (error) {
      if (error instanceof KeysUnavailable) return { kind: 'unknown' };
      const isExpired = error instanceof errors.JWTExpired;
      return { kind: 'refused', reason: isExpired ? 'tesla_expired' : 'tesla_not_genuine' };
    }
  }
}

function issuerOf(token: string): string {
  // three parts in base64url; our own tokens have no dot
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return '';
  try {
    return decodeJwt(token).iss ?? '';
  } catch {
    // not JSON inside, so not a JWT
    return '';
  }
}

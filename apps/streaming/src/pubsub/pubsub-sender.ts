// Whether a push comes from the subscription that is meant: by the token that Google signs for its service account, or
// by a secret in the URL.
import { createHash, timingSafeEqual } from 'node:crypto';
import { FailureLimit, type KeySet, KeysUnavailable } from '@fleetbridge/access';
import { jwtVerify } from 'jose';

const ISSUERS = ['https://accounts.google.com', 'accounts.google.com'];

export interface PubsubSenderOptions {
  /** With the service account's address; both or neither. */
  oidc?: { keys: KeySet; audience: string; account: string } | undefined;
  token?: string | undefined;
  now: () => number;
}

export class PubsubSender {
  readonly #options: PubsubSenderOptions;
  readonly #limit: FailureLimit;

  constructor(options: PubsubSenderOptions) {
    this.#options = options;
    this.#limit = new FailureLimit({ now: options.now });
  }

  /** `unknown`: Google's keys can't be had now. */
  async judge(shown: {
    bearer: string | undefined;
    token: string | undefined;
    address: string;
  }): Promise<'admitted' | 'refused' | 'unknown'> {
    if (this.#limit.isReached(shown.address)) return 'refused';
    const { token } = this.#options;
    if (token !== undefined && shown.token !== undefined && isSame(shown.token, token)) return 'admitted';
    const verdict = await this.#judgeBearer(shown.bearer);
    if (verdict === 'refused') this.#limit.recordFailure(shown.address);
    return verdict;
  }

  async #judgeBearer(bearer: string | undefined): Promise<'admitted' | 'refused' | 'unknown'> {
    const { oidc, now } = this.#options;
    const [, jwt] = /^Bearer\s+(\S+)$/i.exec(bearer ?? '') ?? [];
    if (oidc === undefined || jwt === undefined) return 'refused';
    try {
      const { payload } = await jwtVerify(jwt, oidc.keys.keyOf, {
        issuer: ISSUERS,
        audience: oidc.audience,
        algorithms: ['RS256'],
        requiredClaims: ['exp'],
        clockTolerance: 60,
        currentDate: new Date(now()),
      });
      return payload.email === oidc.account && payload.email_verified === true ? 'admitted' : 'refused';
    } catch (error) {
      return error instanceof KeysUnavailable ? 'unknown' : 'refused';
    }
  }
}

function isSame(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

// Authenticates a push: by the token that Google signs for the service account of the subscription, or by a secret in the
// URL.
import { createHash, timingSafeEqual } from 'node:crypto';
import { FailureLimit, type KeySet, KeysUnavailable } from '@fleetbridge/access';
import { jwtVerify } from 'jose';

const ISSUERS = ['https://accounts.google.com', 'accounts.google.com'];

export interface PubsubSenderOptions {
  /** Google's keys, with the expected audience and service account. */
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

  /** `unknown`: Google's keys are not available. */
  async authorize(presented: {
    bearer: string | undefined;
    token: string | undefined;
    address: string;
  }): Promise<'admitted' | 'refused' | 'unknown'> {
    if (this.#limit.isReached(presented.address)) return 'refused';
    const { token } = this.#options;
    if (token !== undefined && presented.token !== undefined && isSame(presented.token, token)) return 'admitted';
    const verdict = await this.#authorizeBearer(presented.bearer);
    if (verdict === 'refused') this.#limit.recordFailure(presented.address);
    return verdict;
  }

  async #authorizeBearer(bearer: string | undefined): Promise<'admitted' | 'refused' | 'unknown'> {
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

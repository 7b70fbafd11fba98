// Authenticates a push: by the token that Google signs for the service account of the subscription, or by a secret in the
// URL.
import { createHash, timingSafeEqual } from 'node:crypto';
import {
  FailureLimit,
  FailureLog,
  isGuessable,
  type KeySet,
  KeysUnavailable,
  SignatureChecks,
} from '@fleetbridge/access';
import type { Logger } from '@fleetbridge/service';
import { jwtVerify } from 'jose';

const ISSUERS = ['https://accounts.google.com', 'accounts.google.com'];

export interface PubsubSenderOptions {
  /** Google's keys, with the expected audience and service account. */
  oidc?: { keys: KeySet; audience: string; account: string } | undefined;
  token?: string | undefined;
  log: Pick<Logger, 'warn'>;
  now: () => number;
  /** For limits: milliseconds from any origin; default: the monotonic clock. */
  monotonicNow?: (() => number) | undefined;
}

interface CheckedToken {
  verdict: 'admitted' | 'refused' | 'unknown';
  expiresMs: number;
}

export class PubsubSender {
  readonly #options: PubsubSenderOptions;
  readonly #limit: FailureLimit;
  readonly #signatureChecks: SignatureChecks<CheckedToken>;
  readonly #failureLog: FailureLog;

  constructor(options: PubsubSenderOptions) {
    this.#options = options;
    const { log, now, monotonicNow } = options;
    this.#limit = new FailureLimit({ now: monotonicNow });
    this.#signatureChecks = new SignatureChecks({
      validUntilMs: ({ verdict, expiresMs }) => (verdict === 'refused' ? undefined : expiresMs),
      now,
      monotonicNow,
    });
    this.#failureLog = new FailureLog({ log, now: monotonicNow });
  }

  /** `unknown`: Google's keys are not available, or the signature was not checked because of too many forged ones. */
  async authorize(presented: {
    bearer: string | undefined;
    token: string | undefined;
    address: string;
  }): Promise<'admitted' | 'refused' | 'unknown'> {
    const { address } = presented;
    if (this.#isTokenRight(presented)) return 'admitted';
    const verdict = await this.#authorizeBearer(presented.bearer, address);
    if (verdict === 'refused') this.#failureLog.warn({ address, reason: 'pubsub_push' }, 'token_refused');
    return verdict;
  }

  #isTokenRight({ token: presented, address }: { token: string | undefined; address: string }): boolean {
    const { token } = this.#options;
    if (token === undefined || presented === undefined) return false;
    if (isGuessable(token) && this.#limit.isReached(address)) return false;
    if (isSame(presented, token)) return true;
    this.#limit.recordFailure(address);
    return false;
  }

  async #authorizeBearer(bearer: string | undefined, address: string): Promise<'admitted' | 'refused' | 'unknown'> {
    const { oidc } = this.#options;
    const [, jwt] = /^Bearer\s+(\S+)$/i.exec(bearer ?? '') ?? [];
    if (oidc === undefined || jwt === undefined) return 'refused';
    const checked = await this.#signatureChecks.run(jwt, address, () => this.#check(jwt, oidc));
    return checked?.verdict ?? 'unknown';
  }

  async #check(jwt: string, oidc: NonNullable<PubsubSenderOptions['oidc']>): Promise<CheckedToken> {
    try {
      const { payload } = await jwtVerify(jwt, oidc.keys.keyOf, {
        issuer: ISSUERS,
        audience: oidc.audience,
        algorithms: ['RS256'],
        requiredClaims: ['exp'],
        clockTolerance: 60,
        currentDate: new Date(this.#options.now()),
      });
      const isOurs = payload.email === oidc.account && payload.email_verified === true;
      return { verdict: isOurs ? 'admitted' : 'refused', expiresMs: (payload.exp ?? 0) * 1_000 };
    } catch (error) {
      return { verdict: error instanceof KeysUnavailable ? 'unknown' : 'refused', expiresMs: 0 };
    }
  }
}

function isSame(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

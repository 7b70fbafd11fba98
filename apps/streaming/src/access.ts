// Who may hear what. A token is good for one vehicle or for all; it comes in the subscribe message, as `?token=` or as
// a bearer header, and TeslaMate's TOKEN may itself begin with `?token=`.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { TokenStore } from '@fleetbridge/record-log';

export type Verdict = 'granted' | 'refused' | 'unknown';

export interface AccessOptions {
  /** false: everybody hears everything. */
  isRequired: boolean;
  bridgeToken: string | undefined;
  tokens: Pick<TokenStore, 'grantOf'>;
}

export class Access {
  readonly #options: AccessOptions;
  readonly #bridgeToken: Buffer | undefined;

  constructor(options: AccessOptions) {
    this.#options = options;
    this.#bridgeToken = options.bridgeToken === undefined ? undefined : digest(options.bridgeToken);
  }

  /** unknown: Redis, which holds the tokens, does not answer now. */
  async verdict(token: string | undefined, vin: string): Promise<Verdict> {
    if (!this.#options.isRequired) return 'granted';
    const bare = bareToken(token);
    if (bare === '') return 'refused';
    // digests have one length, so that neither the time nor the length of the comparison tells anything
    if (this.#bridgeToken && timingSafeEqual(digest(bare), this.#bridgeToken)) return 'granted';
    try {
      const grant = await this.#options.tokens.grantOf(bare);
      return grant !== undefined && (grant.vin === '*' || grant.vin === vin) ? 'granted' : 'refused';
    } catch {
      return 'unknown';
    }
  }
}

/** Without the forms that TeslaMate's users write before it. */
export function bareToken(token: string | undefined): string {
  return (token ?? '')
    .trim()
    .replace(/^Bearer\s+/i, '')
    .replace(/^\??token=/, '');
}

/** The token of a request, for clients that don't put it into their message. */
export function requestToken(url: string | undefined, authorization: string | undefined): string | undefined {
  if (authorization !== undefined) return authorization;
  const query = (url ?? '').split('?').slice(1).join('?');
  return new URLSearchParams(query).get('token') ?? undefined;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

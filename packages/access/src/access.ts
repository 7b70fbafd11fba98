// Who may hear what. A token is good for one vehicle or for all; it comes in the subscribe message, as `?token=`, as a
// bearer header or as metadata, and TeslaMate's TOKEN may itself begin with `?token=`. It is BRIDGE_TOKEN, one of
// `fleetbridge token create`, or one of Tesla's own, of an account that is trusted here.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { TokenStore } from '@fleetbridge/store';
import type { TeslaTokens } from './jwt/index.js';
import { FailureLimit } from './limits/index.js';

/** Programs wait so long for a server that is not ready, before they are told so. */
const SOON_MS = 5_000;
const ASK_EVERY_MS = 100;

export type Verdict = 'granted' | 'refused' | 'unknown';

export interface Judgement {
  verdict: Verdict;
  /** Stable name of the subscriber: `bridge`, `token:<id>`, `tesla:<sub>`, `open`. Empty unless granted. */
  who: string;
}

export interface Grant {
  who: string;
  /** One VIN, or `*` for all. */
  vin: string;
}

export type RefusalReason =
  | 'no_token'
  | 'unknown_token'
  | 'other_vehicle'
  | 'tesla_expired'
  | 'tesla_not_genuine'
  | 'tesla_unknown_account'
  | 'address_limited';

export interface AccessOptions {
  /** false: everybody hears everything. */
  isRequired: boolean;
  bridgeToken: string | undefined;
  tokens: Pick<TokenStore, 'grantOf' | 'grantOfAccount' | 'list'>;
  teslaTokens?: TeslaTokens;
  /** `sub` of the Tesla accounts that are trusted by configuration. */
  teslaAccounts?: readonly string[];
  /** While false every answer is `unknown`: the log has not been read to its end yet. */
  isReady?: () => boolean;
  now?: () => number;
}

export class Access {
  readonly #options: AccessOptions;
  readonly #bridgeToken: Buffer | undefined;
  readonly #limit: FailureLimit;
  /** Refusals by reason. */
  readonly refusals: Partial<Record<RefusalReason, number>> = {};

  constructor(options: AccessOptions) {
    this.#options = options;
    this.#bridgeToken = options.bridgeToken === undefined ? undefined : digest(options.bridgeToken);
    this.#limit = new FailureLimit({ now: options.now ?? Date.now });
  }

  /** The way in for one connection or request. */
  client(address: string): ClientAccess {
    return new ClientAccess(this, address);
  }

  /** `unknown`: Redis, which holds the tokens, or Tesla's keys can't be had now. */
  async identify(token: string | undefined, address: string): Promise<Grant | 'refused' | 'unknown'> {
    const { isRequired, isReady } = this.#options;
    if (isReady?.() === false) return 'unknown';
    if (!isRequired) return { who: 'open', vin: '*' };
    const bare = bareToken(token);
    if (bare === '') return this.refuse('no_token');
    if (this.#limit.isReached(address)) return this.refuse('address_limited');
    const finding = await this.#find(bare);
    if (typeof finding !== 'string') return finding;
    if (finding === 'unknown') return finding;
    this.#limit.recordFailure(address);
    return this.refuse(finding);
  }

  /** Counts. */
  refuse(reason: RefusalReason): 'refused' {
    this.refusals[reason] = (this.refusals[reason] ?? 0) + 1;
    return 'refused';
  }

  /** What is still good of these grants, by one look; undefined when Redis does not answer: nobody is ended for that. */
  async stillGood(): Promise<((grant: Grant) => boolean) | undefined> {
    try {
      const stored = await this.#options.tokens.list();
      const vinOf = new Map(stored.map(({ id, vin, account }) => [whoOf({ id, account }), vin]));
      for (const account of this.#options.teslaAccounts ?? []) vinOf.set(whoOf({ id: '', account }), '*');
      return ({ who, vin }) => who === 'bridge' || who === 'open' || vinOf.get(who) === vin;
    } catch {
      return undefined;
    }
  }

  async #find(bare: string): Promise<Grant | RefusalReason | 'unknown'> {
    const { tokens, teslaTokens } = this.#options;
    // digests have one length, so that neither the time nor the length of the comparison tells anything
    if (this.#bridgeToken && timingSafeEqual(digest(bare), this.#bridgeToken)) return { who: 'bridge', vin: '*' };
    try {
      if (teslaTokens?.isTeslaToken(bare)) return await this.#findTesla(teslaTokens, bare);
      const grant = await tokens.grantOf(bare);
      return grant === undefined ? 'unknown_token' : { who: whoOf(grant), vin: grant.vin };
    } catch {
      return 'unknown';
    }
  }

  async #findTesla(teslaTokens: TeslaTokens, bare: string): Promise<Grant | RefusalReason | 'unknown'> {
    const { tokens, teslaAccounts = [] } = this.#options;
    const finding = await teslaTokens.verify(bare);
    if (finding.kind === 'unknown') return 'unknown';
    if (finding.kind === 'refused') return finding.reason;
    const { account } = finding;
    if (teslaAccounts.includes(account)) return { who: whoOf({ id: '', account }), vin: '*' };
    const grant = await tokens.grantOfAccount(account);
    return grant === undefined ? 'tesla_unknown_account' : { who: whoOf(grant), vin: grant.vin };
  }
}

/** What one client has shown, and what that opens. */
export class ClientAccess {
  readonly #access: Access;
  readonly address: string;
  /** The last one; looked at again and again, since it can be revoked. */
  granted: Grant | undefined;
  /** What a client has shown last counts, whichever is known first. */
  #questions = 0;

  constructor(access: Access, address: string) {
    this.#access = access;
    this.address = address;
  }

  async identify(token: string | undefined): Promise<Grant | 'refused' | 'unknown'> {
    return await this.#identify(token, () => true);
  }

  /** The same, asked again for a moment while the answer is not to be had: just after a start, or a break of Redis. */
  async identifySoon(token: string | undefined): Promise<Grant | 'refused' | 'unknown'> {
    const untilMs = performance.now() + SOON_MS;
    for (;;) {
      const finding = await this.identify(token);
      if (finding !== 'unknown' || performance.now() > untilMs) return finding;
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
    }
  }

  async judge(token: string | undefined, vin: string): Promise<Judgement> {
    const finding = await this.#identify(token, (grant) => grantsVehicle(grant, vin));
    if (typeof finding === 'string') return { verdict: finding, who: '' };
    if (grantsVehicle(finding, vin)) return { verdict: 'granted', who: finding.who };
    return { verdict: this.#access.refuse('other_vehicle'), who: '' };
  }

  async verdict(token: string | undefined, vin: string): Promise<Verdict> {
    return (await this.judge(token, vin)).verdict;
  }

  async #identify(token: string | undefined, isEnough: (grant: Grant) => boolean) {
    const question = ++this.#questions;
    const finding = await this.#access.identify(token, this.address);
    if (question === this.#questions) {
      this.granted = typeof finding !== 'string' && isEnough(finding) ? finding : undefined;
    }
    return finding;
  }
}

export function grantsVehicle(grant: Grant, vin: string): boolean {
  return grant.vin === '*' || grant.vin === vin;
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

function whoOf({ id, account }: { id: string; account?: string | undefined }): string {
  return account === undefined ? `token:${id}` : `tesla:${account}`;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

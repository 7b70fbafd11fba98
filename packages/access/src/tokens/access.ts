// Authenticates clients. A token is valid for one vehicle or for all, for some scopes. It is BRIDGE_TOKEN, one of
// `fleetbridge token create`, or Tesla's own token of a trusted account.
import { createHash, timingSafeEqual } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { TokenGrant, TokenStore } from '@fleetbridge/store';
import type { TeslaTokens } from '../jwt/index.js';
import { FailureLimit } from '../limits/index.js';
import { configuredGrant, type Grant, grantsScope, grantsVehicle } from './grant.js';
import { bareToken } from './presented-token.js';
import { type Scope, scopesOf } from './scopes.js';

/** How long `identifyWithRetry` waits for Redis or Tesla's keys. */
const RETRY_LIMIT_MS = 5_000;
const RETRY_INTERVAL_MS = 100;

/** `unknown`: not ready, or Redis (which holds the tokens) or Tesla's keys are unavailable; try again later. */
export type Verdict = 'granted' | 'refused' | 'unknown';

export interface Authorization {
  verdict: Verdict;
  /** See Grant; empty unless granted. */
  principal: string;
}

export type RefusalReason =
  | 'no_token'
  | 'unknown_token'
  | 'other_vehicle'
  | 'missing_scope'
  | 'tesla_expired'
  | 'tesla_not_genuine'
  | 'tesla_unknown_account'
  | 'address_limited';

export interface AccessOptions {
  /** false: every client may read everything. */
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
  /** Counts by reason. */
  readonly refusals: Partial<Record<RefusalReason, number>> = {};

  constructor(options: AccessOptions) {
    this.#options = options;
    this.#bridgeToken = options.bridgeToken === undefined ? undefined : digest(options.bridgeToken);
    this.#limit = new FailureLimit({ now: options.now ?? Date.now });
  }

  /** For one connection or request, which needs this scope. */
  client(address: string, scope: Scope): ClientAccess {
    return new ClientAccess(this, address, scope);
  }

  async identify(token: string | undefined, address: string, scope: Scope): Promise<Grant | 'refused' | 'unknown'> {
    const { isRequired, isReady } = this.#options;
    if (isReady?.() === false) return 'unknown';
    const grant = isRequired ? await this.#authenticate(bareToken(token), address) : configuredGrant('open');
    if (typeof grant === 'string' || grantsScope(grant, scope)) return grant;
    return this.refuse('missing_scope');
  }

  /** Counts a refusal. */
  refuse(reason: RefusalReason): 'refused' {
    this.refusals[reason] = (this.refusals[reason] ?? 0) + 1;
    return 'refused';
  }

  /**
   * Reads all stored grants once and returns a predicate for grants that are still valid. undefined when Redis
   * does not answer: no client may lose its connection because of that.
   */
  async revocationCheck(): Promise<((grant: Grant) => boolean) | undefined> {
    try {
      const valid = new Map<string, Grant>();
      for (const stored of await this.#options.tokens.list()) {
        const grant = storedGrant(stored);
        valid.set(grant.principal, grant);
      }
      const configured = ['bridge', 'open', ...(this.#options.teslaAccounts ?? []).map(teslaPrincipal)];
      for (const principal of configured) valid.set(principal, configuredGrant(principal));
      return (grant) => {
        const current = valid.get(grant.principal);
        return current?.vin === grant.vin && grant.scopes.every((scope) => grantsScope(current, scope));
      };
    } catch {
      return undefined;
    }
  }

  async #authenticate(token: string, address: string): Promise<Grant | 'refused' | 'unknown'> {
    if (token === '') return this.refuse('no_token');
    if (this.#limit.isReached(address)) return this.refuse('address_limited');
    const grant = await this.#find(token);
    if (typeof grant !== 'string' || grant === 'unknown') return grant;
    this.#limit.recordFailure(address);
    return this.refuse(grant);
  }

  async #find(token: string): Promise<Grant | RefusalReason | 'unknown'> {
    const { tokens, teslaTokens } = this.#options;
    // digests have equal lengths, so the comparison reveals neither content nor length through its duration
    if (this.#bridgeToken && timingSafeEqual(digest(token), this.#bridgeToken)) return configuredGrant('bridge');
    try {
      if (teslaTokens?.isTeslaToken(token)) return await this.#findTesla(teslaTokens, token);
      const stored = await tokens.grantOf(token);
      return stored === undefined ? 'unknown_token' : storedGrant(stored);
    } catch {
      return 'unknown';
    }
  }

  async #findTesla(teslaTokens: TeslaTokens, token: string): Promise<Grant | RefusalReason | 'unknown'> {
    const { tokens, teslaAccounts = [] } = this.#options;
    const result = await teslaTokens.verify(token);
    if (result.kind === 'unknown') return 'unknown';
    if (result.kind === 'refused') return result.reason;
    const { account } = result;
    if (teslaAccounts.includes(account)) return configuredGrant(teslaPrincipal(account));
    const stored = await tokens.grantOfAccount(account);
    return stored === undefined ? 'tesla_unknown_account' : storedGrant(stored);
  }
}

/** The authentication state of one client. */
export class ClientAccess {
  readonly #access: Access;
  readonly #scope: Scope;
  readonly address: string;
  /** Of the last token that was accepted; checked again from time to time, since it can be revoked. */
  granted: Grant | undefined;
  /** The token that was presented last decides, whichever check ends first. */
  #lastCheck = 0;

  constructor(access: Access, address: string, scope: Scope) {
    this.#access = access;
    this.address = address;
    this.#scope = scope;
  }

  async identify(token: string | undefined): Promise<Grant | 'refused' | 'unknown'> {
    return await this.#identify(token, () => true);
  }

  /** Retries for a few seconds while the answer is `unknown`: just after a start, or while Redis reconnects. */
  async identifyWithRetry(token: string | undefined): Promise<Grant | 'refused' | 'unknown'> {
    const untilMs = performance.now() + RETRY_LIMIT_MS;
    for (;;) {
      const grant = await this.identify(token);
      if (grant !== 'unknown' || performance.now() > untilMs) return grant;
      await delay(RETRY_INTERVAL_MS);
    }
  }

  async authorize(token: string | undefined, vin: string): Promise<Authorization> {
    const grant = await this.#identify(token, (found) => grantsVehicle(found, vin));
    if (typeof grant === 'string') return { verdict: grant, principal: '' };
    if (grantsVehicle(grant, vin)) return { verdict: 'granted', principal: grant.principal };
    return { verdict: this.#access.refuse('other_vehicle'), principal: '' };
  }

  async #identify(token: string | undefined, isEnough: (grant: Grant) => boolean) {
    const check = ++this.#lastCheck;
    const grant = await this.#access.identify(token, this.address, this.#scope);
    if (check === this.#lastCheck) {
      this.granted = typeof grant !== 'string' && isEnough(grant) ? grant : undefined;
    }
    return grant;
  }
}

/** `scopes` is not written yet; a newer version may have written it. */
function storedGrant({ id, vin, account, scopes }: TokenGrant & { scopes?: unknown }): Grant {
  return { principal: account === undefined ? `token:${id}` : teslaPrincipal(account), vin, scopes: scopesOf(scopes) };
}

function teslaPrincipal(account: string): string {
  return `tesla:${account}`;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

// Authenticates clients. A token is valid for one vehicle or for all, for some scopes. It is BRIDGE_TOKEN, one of
// `fleetbridge token create`, or Tesla's own token of a trusted account.
import { createHash, timingSafeEqual } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { TokenGrant, TokenStore } from '@fleetbridge/store';
import { SignatureChecks, type TeslaTokenResult, type TeslaTokens } from '../jwt/index.js';
import { FailureLimit, FailureLog } from '../limits/index.js';
import { configuredGrant, type Grant, grantsScope, grantsVehicle } from './grant.js';
import { bareToken, isGuessable } from './presented-token.js';
import { commandsOf, type Scope, scopesOf } from './scopes.js';

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
  /** Gets one line per address and minute for refused clients. */
  log?: { warn(fields: object, event: string): void };
  now?: () => number;
  /** For limits: milliseconds from any origin; default: the monotonic clock. */
  monotonicNow?: () => number;
}

/** The client that is refused, for the log. */
export interface RefusedClient {
  address: string;
  vin?: string;
}

export class Access {
  readonly #options: AccessOptions;
  readonly #bridgeToken: Buffer | undefined;
  /** BRIDGE_TOKEN is so short that an address must not try many tokens. */
  readonly #isGuessable: boolean;
  readonly #limit: FailureLimit;
  readonly #signatureChecks: SignatureChecks<TeslaTokenResult>;
  readonly #failureLog: FailureLog | undefined;
  /** Counts by reason. */
  readonly refusals: Partial<Record<RefusalReason, number>> = {};

  constructor(options: AccessOptions) {
    this.#options = options;
    this.#bridgeToken = options.bridgeToken === undefined ? undefined : digest(options.bridgeToken);
    this.#isGuessable = options.bridgeToken !== undefined && isGuessable(options.bridgeToken);
    const { log, now = Date.now, monotonicNow } = options;
    this.#limit = new FailureLimit({ now: monotonicNow });
    this.#signatureChecks = new SignatureChecks<TeslaTokenResult>({
      validUntilMs: (result) => {
        if (result.kind === 'account') return result.expiresMs;
        return result.kind === 'unknown' ? 0 : undefined;
      },
      now,
      monotonicNow,
    });
    this.#failureLog = log && new FailureLog({ log, now: monotonicNow });
  }

  /**
   * For one connection or request, which needs this scope; `any`: the caller decides by the grant. `onGranted` is called
   * for each right token.
   */
  client(address: string, scope: Scope | 'any', onGranted = () => {}): ClientAccess {
    return new ClientAccess(this, address, scope, onGranted);
  }

  async identify(
    token: string | undefined,
    address: string,
    scope: Scope | 'any',
  ): Promise<Grant | 'refused' | 'unknown'> {
    const { isRequired, isReady } = this.#options;
    if (isReady?.() === false) return 'unknown';
    const grant = isRequired ? await this.#authenticate(bareToken(token), address) : configuredGrant('open');
    if (typeof grant === 'string' || scope === 'any' || grantsScope(grant, scope)) return grant;
    return this.refuse('missing_scope', { address });
  }

  /** Counts a refusal, and logs one per address and minute. */
  refuse(reason: RefusalReason, { address, vin }: RefusedClient): 'refused' {
    this.refusals[reason] = (this.refusals[reason] ?? 0) + 1;
    const facts = { address, reason, ...(vin === undefined ? {} : { vin: vin.slice(0, 32) }) };
    this.#failureLog?.warn({ ...facts, remedy: 'docs/teslamate.md' }, 'token_refused');
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
    if (token === '') return this.refuse('no_token', { address });
    const isLimited = this.#isGuessable && this.#limit.isReached(address);
    // recorded before, so that attempts at the same time are limited too
    if (!isLimited) this.#limit.recordFailure(address);
    const grant = await this.#find(token, address, isLimited);
    if (typeof grant === 'string' && grant !== 'unknown') return this.refuse(grant, { address });
    if (!isLimited) this.#limit.forgive(address);
    return grant;
  }

  /** A stored token is found even if its address is limited: it has too many bits to be guessed. */
  async #find(token: string, address: string, isLimited: boolean): Promise<Grant | RefusalReason | 'unknown'> {
    const { tokens, teslaTokens } = this.#options;
    // digests have equal lengths, so the comparison reveals neither content nor length through its duration
    const isBridgeToken = this.#bridgeToken !== undefined && timingSafeEqual(digest(token), this.#bridgeToken);
    if (isBridgeToken && !isLimited) return configuredGrant('bridge');
    try {
      if (teslaTokens?.isTeslaToken(token)) return await this.#findTesla(teslaTokens, token, address);
      const stored = await tokens.grantOf(token);
      if (stored !== undefined) return storedGrant(stored);
      return isLimited ? 'address_limited' : 'unknown_token';
    } catch {
      return 'unknown';
    }
  }

  async #findTesla(
    teslaTokens: TeslaTokens,
    token: string,
    address: string,
  ): Promise<Grant | RefusalReason | 'unknown'> {
    const { tokens, teslaAccounts = [] } = this.#options;
    const result = await this.#signatureChecks.run(token, address, () => teslaTokens.verify(token));
    if (result === undefined || result.kind === 'unknown') return 'unknown';
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
  readonly #scope: Scope | 'any';
  readonly #onGranted: () => void;
  readonly address: string;
  /** Of the last token that was accepted; checked again from time to time, since it can be revoked. */
  granted: Grant | undefined;
  /** The token that was presented last decides, whichever check ends first. */
  #lastCheck = 0;

  constructor(access: Access, address: string, scope: Scope | 'any', onGranted: () => void) {
    this.#access = access;
    this.#onGranted = onGranted;
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
    return { verdict: this.refuse('other_vehicle', vin), principal: '' };
  }

  refuse(reason: RefusalReason, vin: string): 'refused' {
    return this.#access.refuse(reason, { address: this.address, vin });
  }

  async #identify(token: string | undefined, isEnough: (grant: Grant) => boolean) {
    const check = ++this.#lastCheck;
    const grant = await this.#access.identify(token, this.address, this.#scope);
    if (check === this.#lastCheck) {
      this.granted = typeof grant !== 'string' && isEnough(grant) ? grant : undefined;
      if (this.granted !== undefined) this.#onGranted();
    }
    return grant;
  }
}

/** Another version may have written `scopes` and `commands`. */
function storedGrant({ id, vin, label, account, scopes, commands }: TokenGrant): Grant {
  const allowed = commandsOf(commands);
  return {
    principal: account === undefined ? `token:${id}` : teslaPrincipal(account),
    ...(label ? { label } : {}),
    vin,
    scopes: scopesOf(scopes),
    ...(allowed === undefined ? {} : { commands: allowed }),
  };
}

function teslaPrincipal(account: string): string {
  return `tesla:${account}`;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

// The signed-in Tesla account of this installation, for all its processes: access tokens that are valid, refreshed by one
// process at a time.
import { type Clock, type FleetApi, FleetApiError, type OwnerTokens, readTokenClaims } from '@fleetbridge/fleet-api';
import {
  acquireLease,
  type HeldLease,
  releaseLease,
  renewLease,
  type Store,
  TeslaAccountStore,
} from '@fleetbridge/store';
import { TeslaAccountError } from '../errors/index.js';
import { refreshAndStore, signInRequired, tokensOf } from './refresh-tokens.js';
import { type AccountTokens, createSealedTokens, type TokensAtVersion } from './sealed-tokens.js';

export interface TeslaAccountOptions {
  readonly store: Store;
  /** DATA_DIR/tesla. */
  readonly directory: string;
  readonly fleet: Pick<FleetApi, 'refresh'>;
  readonly clock: Clock;
  /** Of the lease; no other process has the same. */
  readonly owner: string;
  /** How long a process that died keeps others from refreshing. */
  readonly leaseMs?: number | undefined;
}

export type AccountState =
  | { readonly kind: 'signed_out' }
  | {
      readonly kind: 'signed_in' | 'sign_in_required';
      readonly clientId: string;
      readonly expiresMs: number;
      /** What the owner has allowed; undefined if the token does not have them. */
      readonly scopes: readonly string[] | undefined;
    };

/** Rejects with TeslaAccountError, FleetApiError or an error of the store. */
export interface TeslaAccount {
  /** `rejected`: a token that Tesla has answered with 401. */
  accessToken(rejected?: string): Promise<string>;
  /** Keeps the tokens of a sign-in, in place of others. */
  signIn(tokens: OwnerTokens & { refreshToken: string }, application: { clientId: string }): Promise<void>;
  signOut(): Promise<void>;
  state(): Promise<AccountState>;
}

const LEASE = 'tesla-refresh';
const LEASE_MS = 15_000;
/** Before the end of an access token. */
const RENEW_BEFORE_MS = 300_000;
/** Longer than a refresh of another process, its repeat and its lease. */
const WAIT_MS = 90_000;
const POLL_MS = 200;

export function createTeslaAccount(options: TeslaAccountOptions): TeslaAccount {
  const { store, directory, fleet, clock, owner, leaseMs = LEASE_MS } = options;
  const sealed = createSealedTokens(new TeslaAccountStore(store), directory);
  let refreshing: Promise<string> | undefined;

  return {
    async accessToken(rejected) {
      const { tokens } = await signedIn();
      if (isFresh(tokens, rejected)) return tokens.accessToken;
      refreshing ??= refreshed(rejected).finally(() => {
        refreshing = undefined;
      });
      return refreshing;
    },
    signIn: (answer, { clientId }) => overwrite(tokensOf(answer, clientId, clock.nowMs())),
    signOut: () => overwrite(undefined),
    async state() {
      const { tokens } = await sealed.read();
      if (tokens === undefined) return { kind: 'signed_out' };
      const { clientId, expiresMs, accessToken, isSignInRequired, scopes } = tokens;
      const kind = isSignInRequired === true ? 'sign_in_required' : 'signed_in';
      return { kind, clientId, expiresMs, scopes: readTokenClaims(accessToken).scopes ?? scopes };
    },
  };

  async function signedIn(): Promise<TokensAtVersion & { tokens: AccountTokens }> {
    const { version, tokens } = await sealed.read();
    if (tokens === undefined) throw new TeslaAccountError('not_signed_in');
    if (tokens.isSignInRequired === true) throw signInRequired();
    return { version, tokens };
  }

  function isFresh({ accessToken, expiresMs }: AccountTokens, rejected: string | undefined): boolean {
    return accessToken !== rejected && expiresMs - clock.nowMs() > RENEW_BEFORE_MS;
  }

  /** By this process or, while it waits for the lease, by another one. */
  async function refreshed(rejected: string | undefined): Promise<string> {
    const deadlineMs = clock.monotonicMs() + WAIT_MS;
    while (clock.monotonicMs() < deadlineMs) {
      const lease = await acquireLease(store, { partition: 0, name: LEASE, owner, leaseMs });
      if (lease !== undefined) {
        const token = await underLease(lease, () => refreshedHere(rejected));
        if (token !== undefined) return token;
        continue;
      }
      await clock.sleep(POLL_MS);
      const { tokens } = await signedIn();
      if (isFresh(tokens, rejected)) return tokens.accessToken;
    }
    throw new TeslaAccountError('refresh_busy');
  }

  /** Undefined: other tokens were stored meanwhile. */
  async function refreshedHere(rejected: string | undefined): Promise<string | undefined> {
    const account = await signedIn();
    const { accessToken, expiresMs } = account.tokens;
    if (isFresh(account.tokens, rejected)) return accessToken;
    try {
      return (await refreshAndStore({ fleet, sealed, clock }, account))?.accessToken;
    } catch (error) {
      const isUsable = accessToken !== rejected && expiresMs > clock.nowMs();
      const isFinal = !(error instanceof FleetApiError) || error.problem === 'login_required';
      if (isUsable && !isFinal) return accessToken;
      throw error;
    }
  }

  /** Extends the lease until the work has ended: a refresh may wait for Tesla. */
  async function underLease<T>(lease: HeldLease, work: () => Promise<T>): Promise<T> {
    let isEnded = false;
    let cancel = () => {};
    const renewLater = (): void => {
      if (isEnded) return;
      cancel = clock.after(leaseMs / 3, () => {
        // a lost lease does not matter: tokens are stored only at the version that was read
        renewLease(store, lease, leaseMs).then(renewLater, () => undefined);
      });
    };
    renewLater();
    try {
      return await work();
    } finally {
      isEnded = true;
      cancel();
      await releaseLease(store, lease).catch(() => undefined);
    }
  }

  async function overwrite(tokens: AccountTokens | undefined): Promise<void> {
    while (!(await sealed.replace(await sealed.version(), tokens))) {
      // another process has stored a refresh at the same moment
    }
  }
}

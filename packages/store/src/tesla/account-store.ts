// The Tesla account of this installation. Tokens are encrypted by the caller: Redis and its backups never have them in
// clear. In partition 0, as the lease of their refresh.
import { runScript, type Store } from '../redis/index.js';
import { replaceTeslaTokens } from '../scripts/index.js';

export interface StoredTeslaAccount {
  /** Rises with each change of the tokens; 0 before the first. */
  version: number;
  /** Undefined before the first sign-in, and after a sign-out. */
  tokens: string | undefined;
  /** Origin of the Fleet API in the account's region. */
  apiUrl: string | undefined;
}

/** Not a secret: `state` protects the owner's browser, and ends with the sign-in. */
export interface PendingSignIn {
  state: string;
  nonce: string;
  redirectUri: string;
}

export class TeslaAccountStore {
  readonly #store: Store;
  readonly #key: string;
  readonly #signInKey: string;

  constructor(store: Store) {
    this.#store = store;
    this.#key = store.keys(0).teslaAccount;
    this.#signInKey = store.keys(0).teslaSignIn;
  }

  async read(): Promise<StoredTeslaAccount> {
    const [version, tokens, apiUrl] = await this.#store.redis.hmget(this.#key, 'version', 'tokens', 'api-url');
    return { version: Number(version ?? 0), tokens: tokens ?? undefined, apiUrl: apiUrl ?? undefined };
  }

  /** Undefined deletes the tokens. False, without a change, when another process has written since `version`. */
  async replaceTokens({ version, tokens }: { version: number; tokens: string | undefined }): Promise<boolean> {
    return (await runScript(this.#store.redis, replaceTeslaTokens, [this.#key], [version, tokens ?? ''])) === 1;
  }

  /** Client id and secret, encrypted by the caller. */
  async application(): Promise<string | undefined> {
    return (await this.#store.redis.hget(this.#key, 'application')) ?? undefined;
  }

  async writeApplication(sealed: string): Promise<void> {
    await this.#store.redis.hset(this.#key, 'application', sealed);
  }

  async rememberApiUrl(apiUrl: string): Promise<void> {
    await this.#store.redis.hset(this.#key, 'api-url', apiUrl);
  }

  async pendingSignIn(): Promise<PendingSignIn | undefined> {
    const json = await this.#store.redis.get(this.#signInKey);
    return json === null ? undefined : JSON.parse(json);
  }

  async writePendingSignIn(pending: PendingSignIn, expiryMs: number): Promise<void> {
    await this.#store.redis.set(this.#signInKey, JSON.stringify(pending), 'PX', expiryMs);
  }

  async clearPendingSignIn(): Promise<void> {
    await this.#store.redis.del(this.#signInKey);
  }
}

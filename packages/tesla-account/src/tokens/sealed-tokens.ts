// The tokens of the account in Redis, encrypted as one value, so that they change together.
import type { StoredTeslaAccount, TeslaAccountStore } from '@fleetbridge/store';
import { TeslaAccountError } from '../errors/index.js';
import { loadEncryptionKey, loadOrCreateEncryptionKey, seal, unseal } from '../secrets/index.js';

export interface AccountTokens {
  readonly clientId: string;
  readonly accessToken: string;
  /** Epoch ms of this machine's clock. */
  readonly expiresMs: number;
  readonly refreshToken: string;
  /** The one that was used last, which Tesla accepts for a day more. */
  readonly usedRefreshToken?: UsedRefreshToken | undefined;
  /** Tesla has refused both refresh tokens: only a new sign-in helps. */
  readonly isSignInRequired?: boolean | undefined;
}

export interface UsedRefreshToken {
  readonly token: string;
  readonly usedMs: number;
}

export interface TokensAtVersion {
  readonly version: number;
  /** Undefined without a sign-in. */
  readonly tokens: AccountTokens | undefined;
}

export interface SealedTokens {
  /** Throws TeslaAccountError when they can't be decrypted. */
  read(): Promise<TokensAtVersion>;
  /** False when another process has written since `version`. */
  replace(version: number, tokens: AccountTokens | undefined): Promise<boolean>;
  /** Without reading the tokens, for a sign-in after a lost encryption key. */
  version(): Promise<number>;
}

const NAME = 'tesla-account/tokens';

/** `directory`: DATA_DIR/tesla. */
export function createSealedTokens(store: TeslaAccountStore, directory: string): SealedTokens {
  return {
    async read() {
      const account = await store.read();
      return { version: account.version, tokens: decrypted(account, directory) };
    },
    replace(version, tokens) {
      const sealed = tokens && seal(JSON.stringify(tokens), { key: loadOrCreateEncryptionKey(directory), name: NAME });
      return store.replaceTokens({ version, tokens: sealed });
    },
    version: async () => (await store.read()).version,
  };
}

function decrypted({ tokens: sealed }: StoredTeslaAccount, directory: string): AccountTokens | undefined {
  if (sealed === undefined) return undefined;
  const key = loadEncryptionKey(directory);
  if (key === undefined) throw new TeslaAccountError('encryption_key_missing');
  const text = unseal(sealed, { key, name: NAME });
  if (text === undefined) throw new TeslaAccountError('secret_not_readable');
  return JSON.parse(text);
}

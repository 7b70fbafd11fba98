// The tokens of the account in Redis, encrypted as one value, so that they change together.
import type { TeslaAccountStore } from '@fleetbridge/store';
import { openSecret, sealSecret } from '../secrets/index.js';

export interface AccountTokens {
  readonly clientId: string;
  readonly accessToken: string;
  /** Epoch ms of this machine's clock. */
  readonly expiresMs: number;
  readonly refreshToken: string;
  /** As Tesla has named them beside the token. */
  readonly scopes?: readonly string[] | undefined;
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
  const place = { directory, name: NAME };
  return {
    async read() {
      const { version, tokens: sealed } = await store.read();
      return { version, tokens: sealed === undefined ? undefined : JSON.parse(openSecret(sealed, place)) };
    },
    replace(version, tokens) {
      const sealed = tokens && sealSecret(JSON.stringify(tokens), place);
      return store.replaceTokens({ version, tokens: sealed });
    },
    version: async () => (await store.read()).version,
  };
}

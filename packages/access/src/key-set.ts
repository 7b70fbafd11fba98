// A published set of public keys (JWKS), from a URL or a file, kept for a while. Keys that can't be fetched anew stay in
// use for a day: a provider's bad hour must not lock its users out.
import { readFile } from 'node:fs/promises';
import type { Logger } from '@fleetbridge/service';
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';

const FRESH_MS = 3_600_000;
const USABLE_MS = 24 * FRESH_MS;
/** Neither an unknown key id nor a failure leads to more requests than this. */
const BETWEEN_LOADS_MS = 30_000;
const FETCH_LIMIT_MS = 5_000;

export interface KeySetOptions {
  /** URL (http, https) or path of a file. */
  source: string;
  now: () => number;
  log: Pick<Logger, 'warn'>;
}

/** There are no keys to verify with, now. */
export class KeysUnavailable extends Error {
  override readonly name = 'KeysUnavailable';
}

export class KeySet {
  readonly #options: KeySetOptions;
  #keys: JWTVerifyGetKey | undefined;
  #loadedMs = Number.NEGATIVE_INFINITY;
  #triedMs = Number.NEGATIVE_INFINITY;
  #loading: Promise<void> | undefined;

  constructor(options: KeySetOptions) {
    this.#options = options;
  }

  /** The key of a token's header, as jose's `jwtVerify` asks for it. Throws KeysUnavailable, or jose's errors. */
  readonly keyOf: JWTVerifyGetKey = async (header, token) => {
    const { now } = this.#options;
    if (now() - this.#loadedMs >= FRESH_MS) await this.#load();
    try {
      return await this.#usable()(header, token);
    } catch (error) {
      // a key that is newer than our copy of the set
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await this.#load();
      return await this.#usable()(header, token);
    }
  };

  #usable(): JWTVerifyGetKey {
    const { source, now } = this.#options;
    if (this.#keys && now() - this.#loadedMs < USABLE_MS) return this.#keys;
    throw new KeysUnavailable(`no keys from ${source}`);
  }

  #load(): Promise<void> {
    if (this.#loading !== undefined) return this.#loading;
    const { now, source, log } = this.#options;
    if (now() - this.#triedMs < BETWEEN_LOADS_MS) return Promise.resolve();
    this.#triedMs = now();
    this.#loading = read(source)
      .then((keys) => {
        this.#keys = createLocalJWKSet(keys);
        this.#loadedMs = now();
      })
      .catch((err) => log.warn({ err, source }, 'keys_not_loaded'))
      .finally(() => {
        this.#loading = undefined;
      });
    return this.#loading;
  }
}

async function read(source: string): Promise<JSONWebKeySet> {
  if (!/^https?:\/\//i.test(source)) return JSON.parse(await readFile(source, 'utf8'));
  const response = await fetch(source, { signal: AbortSignal.timeout(FETCH_LIMIT_MS) });
  if (!response.ok) throw new Error(`${source} answered ${response.status}`);
  return (await response.json()) as JSONWebKeySet;
}

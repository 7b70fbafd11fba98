// A published set of public keys (JWKS) from a URL or a file, cached for an hour. When a reload fails, the old keys stay
// in use for a day: an outage of the provider must not lock its users out.
import { readFile } from 'node:fs/promises';
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';

const FRESH_MS = 3_600_000;
const USABLE_MS = 24 * FRESH_MS;
/** Also for unknown key ids and after failures, so that forged tokens don't cause requests. */
const MIN_LOAD_INTERVAL_MS = 30_000;
const FETCH_TIMEOUT_MS = 5_000;

export interface KeySetOptions {
  /** URL (http, https) or path of a file. */
  source: string;
  /** Milliseconds of a clock that can't be set. */
  now: () => number;
  log: { warn(fields: { err: unknown; source: string }, event: string): void };
}

/** No keys are available to verify with. */
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
      // the key may be newer than the cached set
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
    if (now() - this.#triedMs < MIN_LOAD_INTERVAL_MS) return Promise.resolve();
    this.#triedMs = now();
    this.#loading = readKeys(source)
      .then((keys) => {
        this.#keys = createLocalJWKSet(keys);
        this.#loadedMs = now();
      })
      .catch((err) => log.warn({ err, source }, 'key_set_load_failed'))
      .finally(() => {
        this.#loading = undefined;
      });
    return this.#loading;
  }
}

async function readKeys(source: string): Promise<JSONWebKeySet> {
  if (!/^https?:\/\//i.test(source)) return JSON.parse(await readFile(source, 'utf8'));
  const response = await fetch(source, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
  if (!response.ok) throw new Error(`${source} answered ${response.status}; expected a JSON Web Key Set`);
  return (await response.json()) as JSONWebKeySet;
}

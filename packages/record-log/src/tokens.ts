// Tokens of the streaming server. Redis holds their SHA-256 only, so that who reads the database can't use them.
import { createHash, randomBytes } from 'node:crypto';
import { tokensKey } from './keys.js';
import type { RedisConnection } from './redis.js';

export interface TokenGrant {
  /** Short public name of the token, for lists and for revoking it. */
  id: string;
  /** One VIN, or `*` for all. */
  vin: string;
  label: string;
  createdMs: number;
}

export class TokenStore {
  readonly #redis: RedisConnection;
  readonly #key: string;

  constructor({ redis, namespace }: { redis: RedisConnection; namespace: string }) {
    this.#redis = redis;
    this.#key = tokensKey(namespace);
  }

  /** The token is returned here and never again. */
  async create({
    vin,
    label,
    nowMs,
  }: {
    vin: string;
    label: string;
    nowMs: number;
  }): Promise<{ token: string; grant: TokenGrant }> {
    const token = randomBytes(32).toString('base64url');
    const grant: TokenGrant = { id: randomBytes(4).toString('hex'), vin, label, createdMs: nowMs };
    await this.#redis.hset(this.#key, hashOf(token), JSON.stringify(grant));
    return { token, grant };
  }

  async list(): Promise<TokenGrant[]> {
    const all = await this.#redis.hgetall(this.#key);
    return Object.values(all)
      .map((text) => JSON.parse(text) as TokenGrant)
      .sort((a, b) => a.createdMs - b.createdMs);
  }

  /** Returns false when no token has this id. */
  async revoke(id: string): Promise<boolean> {
    for (const [hash, text] of Object.entries(await this.#redis.hgetall(this.#key))) {
      if ((JSON.parse(text) as TokenGrant).id === id) return (await this.#redis.hdel(this.#key, hash)) === 1;
    }
    return false;
  }

  /** What a token is good for. Looked up by its hash: nothing about it can be learned from how long that takes. */
  async grantOf(token: string): Promise<TokenGrant | undefined> {
    const text = await this.#redis.hget(this.#key, hashOf(token));
    return text === null ? undefined : (JSON.parse(text) as TokenGrant);
  }
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

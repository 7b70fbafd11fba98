// Access grants: tokens that fleetbridge issues, and Tesla accounts with trusted tokens. Redis stores only the SHA-256
// of issued tokens, so that a copy of the database does not give access.
import { createHash, randomBytes } from 'node:crypto';
import { type RedisConnection, type Store, tokensKey } from '../redis/index.js';
import { CLIENT_TOKEN_PREFIX, ClientStore, limits } from './client-store.js';

export interface TokenGrant {
  /** Short public id of the grant, for lists and for revoking it. */
  id: string;
  /** One VIN, or `*` for all. */
  vin: string;
  label: string;
  createdMs: number;
  /** Only for a trusted account: the `sub` of its tokens. */
  account?: string;
  /** What the token may be used for; absent: `stream` and `read`. */
  scopes?: readonly string[];
  /** With the scope `command`: the vehicle commands by name; absent: all. */
  commands?: readonly string[];
}

export interface NewGrant {
  vin: string;
  label: string;
  nowMs: number;
}

export class TokenStore {
  readonly #redis: RedisConnection;
  readonly #key: string;
  readonly #clients: ClientStore;
  readonly #now: () => number;

  constructor({ redis, namespace }: Pick<Store, 'redis' | 'namespace'>, now: () => number = Date.now) {
    this.#redis = redis;
    this.#key = tokensKey(namespace);
    this.#clients = new ClientStore({ redis, namespace });
    this.#now = now;
  }

  /** The only time that the token is returned. */
  async create({
    vin,
    label,
    nowMs,
    scopes,
    commands,
  }: NewGrant & Pick<TokenGrant, 'scopes' | 'commands'>): Promise<{ token: string; grant: TokenGrant }> {
    const token = randomBytes(32).toString('base64url');
    const grant: TokenGrant = { id: newId(), vin, label, createdMs: nowMs, ...limits({ scopes, commands }) };
    await this.#redis.hset(this.#key, hashOf(token), JSON.stringify(grant));
    return { token, grant };
  }

  /** Trusts the tokens that Tesla issues to this account. An account that is already trusted keeps its id. */
  async trust({ account, vin, label, nowMs }: NewGrant & { account: string }): Promise<TokenGrant> {
    const known = await this.grantOfAccount(account);
    const grant: TokenGrant = { id: known?.id ?? newId(), vin, label, createdMs: nowMs, account };
    await this.#redis.hset(this.#key, accountField(account), JSON.stringify(grant));
    return grant;
  }

  /** Clients that sign in (ClientStore) are listed too. */
  async list(): Promise<TokenGrant[]> {
    const all = await this.#redis.hgetall(this.#key);
    const tokens = Object.values(all).map((text) => JSON.parse(text) as TokenGrant);
    return [...tokens, ...(await this.#clients.list())].sort((a, b) => a.createdMs - b.createdMs);
  }

  /** Returns false when no grant has this id. */
  async revoke(id: string): Promise<boolean> {
    for (const [field, text] of Object.entries(await this.#redis.hgetall(this.#key))) {
      if ((JSON.parse(text) as TokenGrant).id === id) return (await this.#redis.hdel(this.#key, field)) === 1;
    }
    return await this.#clients.remove(id);
  }

  /**
   * The grant of a token, also of an access token of a client. It is looked up by its hash, so the response time reveals
   * nothing about stored tokens.
   */
  grantOf(token: string): Promise<TokenGrant | undefined> {
    if (token.startsWith(CLIENT_TOKEN_PREFIX)) return this.#clients.grantOfAccessToken(token, this.#now());
    return this.#grant(hashOf(token));
  }

  /** The grant of a Tesla account; undefined when it is not trusted. */
  grantOfAccount(account: string): Promise<TokenGrant | undefined> {
    return this.#grant(accountField(account));
  }

  async #grant(field: string): Promise<TokenGrant | undefined> {
    const text = await this.#redis.hget(this.#key, field);
    return text === null ? undefined : (JSON.parse(text) as TokenGrant);
  }
}

function newId(): string {
  return randomBytes(4).toString('hex');
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** Hashes contain no colon, so no token can match the field of an account. */
function accountField(account: string): string {
  return `account:${account}`;
}

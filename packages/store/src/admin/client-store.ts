// Clients that sign in as at Tesla: each has one refresh token, which does not change, and gets access tokens for it that
// expire. Redis stores only the SHA-256 of tokens.
import { createHash, randomBytes } from 'node:crypto';
import { clientsKey, type RedisConnection, runScript, type Store } from '../redis/index.js';
import { mintAccessToken, removeClient } from '../scripts/index.js';

/** TeslaMate takes a token with this prefix as one of the host that it signed in at, and does not parse it. */
export const CLIENT_TOKEN_PREFIX = 'qts-';
export const ACCESS_TOKEN_SECONDS = 28_800;
/** TeslaMate refreshes at each start, and a lost answer costs a token. */
const ACCESS_TOKENS = 4;
/** Followed by the id. */
const CLIENT_FIELD = 'client:';

export interface ClientGrant {
  id: string;
  /** One VIN, or `*` for all. */
  vin: string;
  label: string;
  createdMs: number;
  /** As those of TokenGrant. */
  scopes?: readonly string[];
  commands?: readonly string[];
}

const clientUses = ['sign_in', 'poll', 'stream'] as const;
export type ClientUse = (typeof clientUses)[number];

interface Limits {
  scopes: readonly string[] | undefined;
  commands: readonly string[] | undefined;
}

interface NewClient extends Pick<ClientGrant, 'vin' | 'label' | 'scopes' | 'commands'> {
  nowMs: number;
}

interface StoredClient extends ClientGrant {
  refresh: string;
}

export class ClientStore {
  readonly #redis: RedisConnection;
  readonly #key: string;

  constructor({ redis, namespace }: Pick<Store, 'redis' | 'namespace'>) {
    this.#redis = redis;
    this.#key = clientsKey(namespace);
  }

  /** The only time that the refresh token is returned. */
  async create({ vin, label, nowMs, scopes, commands }: NewClient) {
    const refreshToken = newToken();
    const grant: ClientGrant = {
      id: randomBytes(4).toString('hex'),
      vin,
      label,
      createdMs: nowMs,
      ...limits({ scopes, commands }),
    };
    const client: StoredClient = { ...grant, refresh: hashOf(refreshToken) };
    await this.#redis.hset(this.#key, {
      [CLIENT_FIELD + grant.id]: JSON.stringify(client),
      [`refresh:${client.refresh}`]: grant.id,
    });
    return { refreshToken, grant };
  }

  /** A new access token for the client of a refresh token; undefined: no client has it. */
  async mint(refreshToken: string, nowMs: number): Promise<{ accessToken: string; grant: ClientGrant } | undefined> {
    const accessToken = newToken();
    const args = [hashOf(refreshToken), hashOf(accessToken), nowMs, ACCESS_TOKEN_SECONDS * 1_000, ACCESS_TOKENS];
    const client = await runScript(this.#redis, mintAccessToken, [this.#key], args);
    return client === null ? undefined : { accessToken, grant: grantOf(String(client)) };
  }

  /** The client of an access token that has not expired. */
  async grantOfAccessToken(token: string, nowMs: number): Promise<ClientGrant | undefined> {
    const value = await this.#redis.hget(this.#key, `access:${hashOf(token)}`);
    if (value === null) return undefined;
    const space = value.indexOf(' ');
    return Number(value.slice(0, space)) > nowMs ? grantOf(value.slice(space + 1)) : undefined;
  }

  /** Records that a client was here, for `fleetbridge teslamate check`. */
  async seen(id: string, kind: ClientUse, nowMs: number): Promise<void> {
    await this.#redis.hset(this.#key, `seen:${id}:${kind}`, nowMs);
  }

  /** When the client signed in, polled and subscribed last, epoch ms; undefined: never. */
  async uses(id: string): Promise<Record<ClientUse, number | undefined>> {
    const texts = await this.#redis.hmget(this.#key, ...clientUses.map((kind) => `seen:${id}:${kind}`));
    const times = clientUses.map((kind, at) => [kind, texts[at] === null ? undefined : Number(texts[at])]);
    return Object.fromEntries(times) as Record<ClientUse, number | undefined>;
  }

  /** The number of clients, and when one of them polled last, epoch ms; undefined: never. */
  async overview(): Promise<{ clients: number; lastPollMs: number | undefined }> {
    const all = Object.entries(await this.#redis.hgetall(this.#key));
    const times = all.filter(([field]) => /^seen:.*:poll$/.test(field)).map(([, ms]) => Number(ms));
    return {
      clients: all.filter(([field]) => field.startsWith(CLIENT_FIELD)).length,
      lastPollMs: times.length === 0 ? undefined : Math.max(...times),
    };
  }

  async list(): Promise<ClientGrant[]> {
    return (await this.#clients()).map(({ refresh: _, ...grant }) => grant);
  }

  /** Returns false when no client has this id. */
  async remove(id: string): Promise<boolean> {
    const client = (await this.#clients()).find((one) => one.id === id);
    if (client === undefined) return false;
    return (await runScript(this.#redis, removeClient, [this.#key], [id, client.refresh])) === 1;
  }

  async #clients(): Promise<StoredClient[]> {
    const all = Object.entries(await this.#redis.hgetall(this.#key));
    return all.filter(([field]) => field.startsWith(CLIENT_FIELD)).map(([, text]) => JSON.parse(text) as StoredClient);
  }
}

function newToken(): string {
  return CLIENT_TOKEN_PREFIX + randomBytes(32).toString('base64url');
}

function grantOf(text: string): ClientGrant {
  const { id, vin, label, createdMs, scopes, commands } = JSON.parse(text) as StoredClient;
  return { id, vin, label, createdMs, ...limits({ scopes, commands }) };
}

/** Without keys for what is not limited. */
export function limits({ scopes, commands }: Limits): Pick<ClientGrant, 'scopes' | 'commands'> {
  return { ...(scopes && { scopes }), ...(commands && { commands }) };
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

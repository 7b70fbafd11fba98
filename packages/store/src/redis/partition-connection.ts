// A connection of one partition alone, to the Redis that holds it: what is sent over it waits for nothing but itself, so
// WAIT holds up no lease and no other partition. It is one TCP connection and never comes back: a script, and the WAIT
// that speaks of what it wrote, can't be answered by two different servers.
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { RedisConnection } from './connection.js';
import { slotOf } from './keys.js';

export class PartitionConnection {
  readonly #redis: RedisConnection;
  readonly #slot: number;
  #current: Redis | undefined;

  /** `redis` says where the partition is. */
  constructor(redis: RedisConnection, partition: number) {
    this.#redis = redis;
    this.#slot = slotOf(partition);
  }

  /** To be called for each call anew. What is sent before it is connected waits for that. */
  take(): Redis {
    if (this.#current === undefined || this.#current.status === 'end') this.#current = this.#connect();
    return this.#current;
  }

  /** After a call that failed: the next one takes another connection, to where the partition may be by then. */
  giveUp(): void {
    this.stop();
    // A node may be gone without anybody left to say MOVED.
    if (this.#redis instanceof Cluster) this.#redis.refreshSlotsCache();
  }

  stop(): void {
    this.#current?.disconnect();
    this.#current = undefined;
  }

  #connect(): Redis {
    const redis = this.#redis;
    const connection = redis instanceof Cluster ? this.#connectToNode(redis) : redis.duplicate(own);
    // each call says by itself that it failed
    connection.on('error', () => {});
    return connection;
  }

  #connectToNode({ slots, options }: Cluster): Redis {
    const address = slots[this.#slot]?.[0];
    if (address === undefined) throw new Error(`no node of the cluster is known to hold slot ${this.#slot}`);
    const colon = address.lastIndexOf(':');
    const { replyMapping: _, ...asOthers } = options.redisOptions ?? {};
    return new Redis({ ...asOthers, host: address.slice(0, colon), port: Number(address.slice(colon + 1)), ...own });
  }
}

const own = {
  lazyConnect: true,
  enableOfflineQueue: true,
  retryStrategy: () => null,
  // one that fails is given up by whoever called
  reconnectOnError: null,
  // whoever calls has a limit for the call, WAIT included
  socketTimeout: undefined,
} satisfies RedisOptions;

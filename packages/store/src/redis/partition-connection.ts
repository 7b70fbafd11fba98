// A connection for one partition, to the Redis that holds it, so that a blocking WAIT delays no lease and no other
// partition. It is one TCP connection and never reconnects: a script, and the WAIT that refers to its writes, must be
// answered by the same server.
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { RedisConnection } from './connection.js';
import { slotOf } from './keys.js';

export class PartitionConnection {
  readonly #redis: RedisConnection;
  readonly #slot: number;
  #current: Redis | undefined;

  /** `redis` knows where the partition is. */
  constructor(redis: RedisConnection, partition: number) {
    this.#redis = redis;
    this.#slot = slotOf(partition);
  }

  /** Get it for each call. Commands wait until it is connected. */
  get(): Redis {
    if (this.#current === undefined || this.#current.status === 'end') this.#current = this.#connect();
    return this.#current;
  }

  /** After a failed call: the next call gets a new connection, to where the partition is by then. */
  discard(): void {
    this.stop();
    // A lost node can't answer MOVED.
    if (this.#redis instanceof Cluster) this.#redis.refreshSlotsCache();
  }

  stop(): void {
    this.#current?.disconnect();
    this.#current = undefined;
  }

  #connect(): Redis {
    const redis = this.#redis;
    const connection = redis instanceof Cluster ? this.#connectToNode(redis) : redis.duplicate(own);
    // each call reports its own failure
    connection.on('error', () => {});
    return connection;
  }

  #connectToNode({ slots, options }: Cluster): Redis {
    const address = slots[this.#slot]?.[0];
    if (address === undefined) throw new Error(`no known node of the cluster holds slot ${this.#slot}`);
    const colon = address.lastIndexOf(':');
    const { replyMapping: _, ...shared } = options.redisOptions ?? {};
    return new Redis({ ...shared, host: address.slice(0, colon), port: Number(address.slice(colon + 1)), ...own });
  }
}

const own = {
  lazyConnect: true,
  enableOfflineQueue: true,
  retryStrategy: () => null,
  // the caller discards a connection that fails
  reconnectOnError: null,
  // the caller has a time limit, which includes WAIT
  socketTimeout: undefined,
} satisfies RedisOptions;

// One handle to everything that is kept in Redis under a namespace: the connection, and the keys of each partition.
import { connectRedis, type RedisConnection, type RedisConnectionOptions } from './connection.js';
import { type Layout, type PartitionKeys, partitionKeys, partitionOf } from './keys.js';

export interface StoreOptions extends Layout {
  redis: RedisConnection;
  /** REDIS_URL, for readers that block and therefore open connections of their own. */
  url: string;
}

export class Store {
  readonly redis: RedisConnection;
  readonly url: string;
  readonly namespace: string;
  readonly partitions: number;
  readonly #keys: PartitionKeys[];

  constructor({ redis, url, namespace, partitions }: StoreOptions) {
    this.redis = redis;
    this.url = url;
    this.namespace = namespace;
    this.partitions = partitions;
    this.#keys = Array.from({ length: partitions }, (_, partition) => partitionKeys(namespace, partition));
  }

  /** The keys of a partition. Throws RangeError when the layout does not have this partition. */
  keys(partition: number): PartitionKeys {
    const keys = this.#keys[partition];
    if (keys === undefined) throw new RangeError(`partition ${partition}: expected 0 to ${this.partitions - 1}`);
    return keys;
  }

  partitionOf(vin: string): number {
    return partitionOf(vin, this.partitions);
  }

  /** The keys of the partition that holds a vehicle. */
  keysOf(vin: string): PartitionKeys {
    return this.keys(this.partitionOf(vin));
  }

  /** One value per partition. */
  mapPartitions<T>(make: (keys: PartitionKeys) => T): T[] {
    return this.#keys.map(make);
  }

  /** Runs in all partitions at once. The results are in the order of the partitions. */
  eachPartition<T>(run: (keys: PartitionKeys) => Promise<T>): Promise<T[]> {
    return Promise.all(this.mapPartitions(run));
  }

  close(): void {
    this.redis.disconnect();
  }
}

/** A store with a connection of its own, which is made in the background (see connectRedis). */
export function openStore({ namespace, partitions, ...connection }: RedisConnectionOptions & Layout): Store {
  return new Store({ redis: connectRedis(connection), url: connection.url, namespace, partitions });
}

// What can't be understood is kept for a while, for whoever has to find out why.

import type { RedisConnection } from '../redis/index.js';
import { type PartitionKeys, partitionKeys, partitionOf } from '../redis/index.js';

const KEPT = 1_000;

export interface QuarantinedMessage {
  vin: string;
  reason: string;
  receivedMs: number;
  bytes: Buffer;
}

export class Quarantine {
  readonly #redis: RedisConnection;
  readonly #keys: PartitionKeys[];

  constructor({ redis, namespace, partitions }: { redis: RedisConnection; namespace: string; partitions: number }) {
    this.#redis = redis;
    this.#keys = Array.from({ length: partitions }, (_, partition) => partitionKeys(namespace, partition));
  }

  /** Bounded to the newest thousand a partition. Best effort: nothing waits for it. */
  async add({ vin, reason, receivedMs, bytes }: QuarantinedMessage): Promise<void> {
    const { quarantine } = this.#keys[partitionOf(vin, this.#keys.length)]!;
    await this.#redis.xadd(
      quarantine,
      'MAXLEN',
      '~',
      KEPT,
      '*',
      'vin',
      vin,
      'reason',
      reason,
      'received',
      String(receivedMs),
      'bytes',
      bytes,
    );
  }
}

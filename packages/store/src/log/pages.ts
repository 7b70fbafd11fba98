// The log by pages, for readers that have fallen behind or begin in the past. They share one connection, because
// nothing here waits; whoever wants what comes next follows a LogTail.

import type { RedisConnection } from '../redis/index.js';
import { partitionKeys } from '../redis/index.js';
import { BEGINNING, compareEntryIds, type LogEntry, parseEntry } from './entry.js';

export class LogPages {
  readonly #redis: RedisConnection;
  readonly #records: string[];

  constructor({ redis, namespace, partitions }: { redis: RedisConnection; namespace: string; partitions: number }) {
    this.#redis = redis;
    this.#records = Array.from({ length: partitions }, (_, partition) => partitionKeys(namespace, partition).records);
  }

  /** At most `count` entries after the cursor; fewer: that was the end of the log. */
  async after(partition: number, cursor: string, count: number): Promise<LogEntry[]> {
    const entries = await this.#redis.xrangeBuffer(this.#records[partition]!, `(${cursor}`, '+', 'COUNT', count);
    return (entries as unknown as [Buffer, Buffer[]][]).map(parseEntry);
  }

  /** What is kept begins after the cursor: entries between the two may have been trimmed. */
  async gapAfter(partition: number, cursor: string): Promise<{ cursor: string; firstKept: string } | undefined> {
    if (cursor === BEGINNING) return undefined;
    const [first] = await this.#redis.xrange(this.#records[partition]!, '-', '+', 'COUNT', 1);
    return first && compareEntryIds(first[0], cursor) > 0 ? { cursor, firstKept: first[0] } : undefined;
  }
}

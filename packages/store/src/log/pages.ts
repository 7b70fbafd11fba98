// Reads the log in pages, for readers that are behind or begin in the past. They share one connection, because these
// reads never block; LogTail follows the end of the log.
import { BEGINNING, compareEntryIds } from '@fleetbridge/protocol';

import type { Store } from '../redis/index.js';
import { type LogEntry, parseEntry } from './entry.js';

export class LogPages {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** At most `count` entries after the cursor. Fewer entries mean the end of the log. */
  async after(partition: number, cursor: string, count: number): Promise<LogEntry[]> {
    const { records } = this.#store.keys(partition);
    const entries = await this.#store.redis.xrangeBuffer(records, `(${cursor}`, '+', 'COUNT', count);
    return (entries as unknown as [Buffer, Buffer[]][]).map(parseEntry);
  }

  /** The last entry; BEGINNING while the log is empty. */
  async end(partition: number): Promise<string> {
    const { records } = this.#store.keys(partition);
    const [last] = await this.#store.redis.xrevrange(records, '+', '-', 'COUNT', 1);
    return last?.[0] ?? BEGINNING;
  }

  /** Defined when the log begins after the cursor: entries between the two may have been trimmed. */
  async gapAfter(partition: number, cursor: string): Promise<{ cursor: string; firstKept: string } | undefined> {
    if (cursor === BEGINNING) return undefined;
    const { records } = this.#store.keys(partition);
    const [first] = await this.#store.redis.xrange(records, '-', '+', 'COUNT', 1);
    return first && compareEntryIds(first[0], cursor) > 0 ? { cursor, firstKept: first[0] } : undefined;
  }
}

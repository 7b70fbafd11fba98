// Follows one partition of the log from a cursor, for fan-out and snapshots. A connection of its own, because a
// blocking read holds it. Whatever happens to Redis, entries come in order, each once.
import { BEGINNING, compareEntryIds } from '@fleetbridge/protocol';

import { connectRedis, pause, type RedisConnection, type Store, whenReady } from '../redis/index.js';
import { type LogEntry, parseEntry } from './entry.js';

export interface TailOptions {
  store: Store;
  partition: number;
  /** Entries after this one. */
  from: string;
  /** Called with entries in order; the next ones are read when it has resolved. */
  onEntries: (entries: LogEntry[]) => void | Promise<void>;
  /** Entries between the cursor and the first one kept have been trimmed: they are lost to this reader. */
  onGap?: (gap: { cursor: string; firstKept: string }) => void;
  /** State changes only. */
  onTrouble?: (error: unknown) => void;
  onRecovered?: () => void;
  name?: string;
}

const ENTRIES_A_READ = 1_000;
const BLOCK_MS = 2_000;
const FIRST_CONNECTION_MS = 2_000;
const ANSWER_LIMIT_MS = BLOCK_MS + 3_000;

export class LogTail {
  readonly #options: TailOptions;
  readonly #records: string;
  readonly #redis: RedisConnection;
  #loop: Promise<void> | undefined;
  #isStopped = false;
  #isInTrouble = false;
  readonly #catchUp = withResolver();
  #hasCaughtUp = false;
  /** The last entry that onEntries has dealt with. */
  cursor: string;

  constructor(options: TailOptions) {
    this.#options = options;
    this.#records = options.store.keys(options.partition).records;
    this.#redis = connectRedis({ url: options.store.url, name: options.name ?? 'tail' });
    this.cursor = options.from;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Resolves when the end of the log has been reached for the first time (or the tail is stopped). */
  get caughtUp(): Promise<void> {
    return this.#catchUp.promise;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#catchUp.resolve();
    this.#redis.disconnect();
    await this.#loop;
  }

  get isInTrouble(): boolean {
    return this.#isInTrouble;
  }

  async #run(): Promise<void> {
    let mustLookForGap = true;
    // a first connection takes a moment; only a longer one is trouble, and the first read tells of it
    await whenReady(this.#redis, FIRST_CONNECTION_MS).catch(() => {});
    while (!this.#isStopped) {
      try {
        if (mustLookForGap) await this.#lookForGap();
        const entries = await this.#read();
        if (this.#isInTrouble) this.#recovered();
        if (entries.length > 0) {
          await this.#options.onEntries(entries);
          this.cursor = entries.at(-1)!.id;
        }
        // a full read means that we are behind, and may fall behind what is kept
        mustLookForGap = entries.length === ENTRIES_A_READ;
        if (!mustLookForGap && !this.#hasCaughtUp) {
          this.#hasCaughtUp = true;
          this.#catchUp.resolve();
        }
      } catch (error) {
        if (this.#isStopped) return;
        if (!this.#isInTrouble) this.#options.onTrouble?.(error);
        this.#isInTrouble = true;
        mustLookForGap = true;
        await pause(100);
      }
    }
  }

  async #read(): Promise<LogEntry[]> {
    const reply = await this.#withLimit(
      this.#hasCaughtUp
        ? this.#redis.xreadBuffer('COUNT', ENTRIES_A_READ, 'BLOCK', BLOCK_MS, 'STREAMS', this.#records, this.cursor)
        : this.#redis.xreadBuffer('COUNT', ENTRIES_A_READ, 'STREAMS', this.#records, this.cursor),
    );
    const streams = reply as unknown as [Buffer, [Buffer, Buffer[]][]][] | null;
    return streams?.[0]?.[1].map(parseEntry) ?? [];
  }

  async #lookForGap(): Promise<void> {
    if (this.cursor === BEGINNING) return;
    const [first] = await this.#withLimit(this.#redis.xrange(this.#records, '-', '+', 'COUNT', 1));
    if (first && compareEntryIds(first[0], this.cursor) > 0) {
      this.#options.onGap?.({ cursor: this.cursor, firstKept: first[0] });
    }
  }

  /** A Redis that is there but does not answer (stopped, cut off) would hold the read for ever. */
  async #withLimit<T>(answer: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.#redis.disconnect(true);
        reject(new Error(`no answer within ${ANSWER_LIMIT_MS} ms`));
      }, ANSWER_LIMIT_MS);
    });
    try {
      return await Promise.race([answer, limit]);
    } finally {
      clearTimeout(timer);
    }
  }

  #recovered(): void {
    this.#isInTrouble = false;
    this.#options.onRecovered?.();
  }
}

/** Promise.withResolvers, which Node 20 does not have. */
function withResolver(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((resolvePromise) => {
    resolve = resolvePromise;
  });
  return { promise, resolve };
}

// Follows one partition of the log from a cursor, for fan-out and snapshots. It has a connection of its own, which a
// blocking read occupies. Entries are processed in order, each once, whatever happens to Redis. An entry that can't be
// processed is skipped: it must not stall the partition for all readers.
import { setTimeout as delay } from 'node:timers/promises';
import { BEGINNING, compareEntryIds } from '@fleetbridge/protocol';
import { connectRedis, type RedisConnection, type Store, whenReady, withAnswerLimit } from '../redis/index.js';
import { type LogEntry, parseEntry } from './entry.js';

export interface TailOptions {
  store: Store;
  partition: number;
  /** Entries after this one. */
  from: string;
  /**
   * Called with the entries of a read before they are processed, for what the processing needs from Redis. What it
   * throws counts as trouble with Redis: the same entries are read again.
   */
  prepare?: (entries: readonly LogEntry[]) => Promise<void>;
  /** Processes one entry. When it throws, the entry is skipped. */
  onEntry: (entry: LogEntry) => void;
  /** Called after the last entry of a read; the next entries are read when it has resolved. Must not throw. */
  onBatch?: (last: LogEntry) => Promise<void>;
  /** An entry on which `onEntry` has thrown. It is not processed again. */
  onSkipped: (skipped: { entry: LogEntry; error: unknown }) => void;
  /** Entries between the cursor and the first one kept have been trimmed: they are lost to this reader. */
  onGap?: (gap: { cursor: string; firstKept: string }) => void;
  /** Redis can't be read. Called once per outage, as is onRecovered. */
  onTrouble?: (error: unknown) => void;
  onRecovered?: () => void;
  name?: string;
}

const ENTRIES_PER_READ = 1_000;
const BLOCK_MS = 2_000;
const FIRST_CONNECTION_MS = 2_000;
const ANSWER_LIMIT_MS = BLOCK_MS + 3_000;
const RETRY_MS = 100;

export class LogTail {
  readonly #options: TailOptions;
  readonly #records: string;
  readonly #redis: RedisConnection;
  #loop: Promise<void> | undefined;
  #isStopped = false;
  #isInTrouble = false;
  #catchUp = withResolver();
  /** Grows with each `restart`: what was read before is of the former log. */
  #restarts = 0;
  #hasCaughtUp = false;
  /** The last entry that was processed or skipped. */
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

  /** Resolves when the tail has reached the end of the log for the first time, or is stopped or restarted. */
  get caughtUp(): Promise<void> {
    return this.#catchUp.promise;
  }

  /** Begins again with the first entry of the log. Then `caughtUp` is that of the new beginning. */
  restart(): void {
    this.#restarts++;
    this.cursor = BEGINNING;
    this.#hasCaughtUp = false;
    this.#catchUp.resolve();
    this.#catchUp = withResolver();
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
    let mustCheckForGap = true;
    // A first connection takes a moment. Only a longer wait is trouble, which the first read then reports.
    await whenReady(this.#redis, FIRST_CONNECTION_MS).catch(() => {});
    while (!this.#isStopped) {
      try {
        if (mustCheckForGap) await this.#checkForGap();
        const restarts = this.#restarts;
        const entries = await this.#read();
        if (entries.length > 0) await this.#options.prepare?.(entries);
        if (this.#isInTrouble) this.#recovered();
        if (restarts !== this.#restarts) continue;
        if (entries.length > 0 && !this.#isStopped) await this.#process(entries);
        // a full read means that the tail is behind, and may fall behind retention
        mustCheckForGap = entries.length === ENTRIES_PER_READ;
        if (!mustCheckForGap && !this.#hasCaughtUp && restarts === this.#restarts) {
          this.#hasCaughtUp = true;
          this.#catchUp.resolve();
        }
      } catch (error) {
        if (this.#isStopped) return;
        if (!this.#isInTrouble) this.#options.onTrouble?.(error);
        this.#isInTrouble = true;
        mustCheckForGap = true;
        await delay(RETRY_MS);
      }
    }
  }

  async #process(entries: readonly LogEntry[]): Promise<void> {
    const { onEntry, onBatch, onSkipped } = this.#options;
    for (const entry of entries) {
      this.cursor = entry.id;
      try {
        onEntry(entry);
      } catch (error) {
        onSkipped({ entry, error });
      }
    }
    await onBatch?.(entries.at(-1)!);
  }

  async #read(): Promise<LogEntry[]> {
    const reply = await this.#limited(
      this.#hasCaughtUp
        ? this.#redis.xreadBuffer('COUNT', ENTRIES_PER_READ, 'BLOCK', BLOCK_MS, 'STREAMS', this.#records, this.cursor)
        : this.#redis.xreadBuffer('COUNT', ENTRIES_PER_READ, 'STREAMS', this.#records, this.cursor),
    );
    const streams = reply as unknown as [Buffer, [Buffer, Buffer[]][]][] | null;
    return streams?.[0]?.[1].map(parseEntry) ?? [];
  }

  async #checkForGap(): Promise<void> {
    if (this.cursor === BEGINNING) return;
    const [first] = await this.#limited(this.#redis.xrange(this.#records, '-', '+', 'COUNT', 1));
    if (first && compareEntryIds(first[0], this.cursor) > 0) {
      this.#options.onGap?.({ cursor: this.cursor, firstKept: first[0] });
    }
  }

  #limited<T>(answer: Promise<T>): Promise<T> {
    return withAnswerLimit(answer, ANSWER_LIMIT_MS, () => this.#redis.disconnect(true));
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

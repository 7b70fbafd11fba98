// Follows the log of every partition from the cursor of its snapshots, decodes its entries, and knows how far it has read.
// A vehicle is complete with its snapshot and the entries of this feed.
import { BEGINNING, compareEntryIds, type DecodedRecord, decodeRecord, RecordDecodeError } from '@fleetbridge/protocol';
import { type Logger, withTimeout } from '@fleetbridge/service';
import { type LogEntry, LogPages, LogTail, type SnapshotStore, type Store } from '@fleetbridge/store';

export interface FeedCounts {
  records: number;
  undecodable: number;
  /** Entries that could not be processed. */
  skippedEntries: number;
  gaps: number;
}

export interface LogFeedOptions {
  store: Store;
  snapshots: Pick<SnapshotStore, 'cursor'>;
  /** Of its connections to Redis. */
  name: string;
  counts: FeedCounts;
  log: Logger;
  /** Called for each entry in the log's order; without `decoded` if the entry is undecodable. */
  onEntry: (entry: LogEntry, decoded: DecodedRecord | undefined, partition: number) => void;
  /** Called after `onEntry`, also when that has thrown: the entry counts as read. */
  onRead?: (entry: LogEntry, decoded: DecodedRecord | undefined, partition: number) => void;
  onGap?: (gap: { partition: number; cursor: string; firstKept: string }) => void;
  /** Called when the log becomes readable or unreadable. */
  onReadable: (isReadable: boolean) => void;
}

/** A new entry is usually read within a millisecond. */
const READ_LIMIT_MS = 5_000;

interface Waiting {
  entryId: string;
  resolve: () => void;
}

export class LogFeed {
  readonly #options: LogFeedOptions;
  readonly #pages: LogPages;
  #tails: LogTail[] = [];
  /** By partition: the last entry that was handled. */
  #readUpTo: string[] = [];
  /** By partition: requests that wait for an entry. */
  readonly #waiting: Set<Waiting>[];

  constructor(options: LogFeedOptions) {
    this.#options = options;
    this.#pages = new LogPages(options.store);
    this.#waiting = options.store.mapPartitions(() => new Set());
  }

  /** Resolves when everything has been read that the log had at the start. */
  async start(): Promise<void> {
    const { store, snapshots } = this.#options;
    const cursors = await store.eachPartition(({ partition }) => snapshots.cursor(partition));
    this.#readUpTo = [...cursors];
    this.#tails = cursors.map((from, partition) => this.#tail(partition, from));
    for (const tail of this.#tails) tail.start();
    await Promise.all(this.#tails.map((tail) => tail.caughtUp));
  }

  /** Begins again with the first entry of a log that has replaced the former one. Resolves at its end. */
  async restart(): Promise<void> {
    this.#readUpTo = this.#readUpTo.map(() => BEGINNING);
    for (const tail of this.#tails) tail.restart();
    await Promise.all(this.#tails.map((tail) => tail.caughtUp));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#tails.map((tail) => tail.stop()));
  }

  /** The last entry of a partition that was handled. */
  cursor(partition: number): string {
    return this.#readUpTo[partition] ?? BEGINNING;
  }

  /** Resolves when every entry has been handled that the partition has now. Rejects when Redis does not answer. */
  async readToEnd(partition: number): Promise<void> {
    const end = await this.#pages.end(partition);
    if (compareEntryIds(this.cursor(partition), end) >= 0) return;
    const waiting = this.#waiting[partition]!;
    let own: Waiting | undefined;
    const read = new Promise<void>((resolve) => {
      own = { entryId: end, resolve };
      waiting.add(own);
    });
    try {
      await withTimeout(read, READ_LIMIT_MS, { message: `the log was not read up to its end, ${end}` });
    } finally {
      waiting.delete(own!);
    }
  }

  #tail(partition: number, from: string): LogTail {
    const { store, name, log, counts, onReadable, onGap } = this.#options;
    return new LogTail({
      store,
      partition,
      from,
      name,
      onEntry: (entry) => this.#entry(partition, entry),
      onSkipped: ({ entry, error }) => {
        counts.skippedEntries++;
        log.error({ err: error, partition, entry: entry.id, vin: entry.vin, topic: entry.topic }, 'entry_skipped');
      },
      onGap: (gap) => {
        counts.gaps++;
        onGap?.({ partition, ...gap });
      },
      onTrouble: (err) => {
        onReadable(false);
        log.warn({ err, partition }, 'log_unreadable');
      },
      onRecovered: () => {
        onReadable(!this.#tails.some(({ isInTrouble }) => isInTrouble));
        log.info({ partition }, 'log_readable');
      },
    });
  }

  #entry(partition: number, entry: LogEntry): void {
    const { counts, onEntry, onRead } = this.#options;
    counts.records++;
    const decoded = this.#decode(entry);
    try {
      onEntry(entry, decoded, partition);
    } finally {
      this.#readUpTo[partition] = entry.id;
      this.#wake(partition, entry.id);
      onRead?.(entry, decoded, partition);
    }
  }

  #wake(partition: number, entryId: string): void {
    const waiting = this.#waiting[partition]!;
    for (const one of waiting) {
      if (compareEntryIds(entryId, one.entryId) < 0) continue;
      waiting.delete(one);
      one.resolve();
    }
  }

  #decode(entry: LogEntry): DecodedRecord | undefined {
    const { counts, log } = this.#options;
    try {
      return decodeRecord(entry.topic, entry.payload);
    } catch (error) {
      if (!(error instanceof RecordDecodeError)) throw error;
      counts.undecodable++;
      log.warn({ entry: entry.id, vin: entry.vin, topic: entry.topic }, 'record_undecodable');
      return undefined;
    }
  }
}

// The records of the log for one client, from any start, in order, without a gap or a repeat. The client sets the pace:
// the next record is yielded when it is requested. Live records wait in a bounded queue. When it overflows, it is dropped
// and the log is read from the client's position.
import { compareEntryIds } from '@fleetbridge/protocol';
import type { LogEntry } from '@fleetbridge/store';
import { formatCursor, type Positions } from './log-cursor.js';
import { LogRecord, type LogRecords } from './log-records.js';

const PAGE_ENTRIES = 200;
const QUEUE_RECORDS = 2_000;
const QUEUE_BYTES = 2_000_000;
/** Entry ids follow the clock of Redis, receive times that of ingest: reading starts earlier and filters by receive time. */
const CLOCK_SLACK_MS = 10_000;
const RETRY_MS = 500;

export type StreamStart =
  | { kind: 'live' }
  | { kind: 'cursor'; positions: Positions }
  | { kind: 'time'; fromMs: number };

export interface RecordStreamOptions {
  records: LogRecords;
  /** undefined: all vehicles. */
  vins: readonly string[] | undefined;
  /** undefined: all topics. */
  topics?: readonly string[] | undefined;
  start: StreamStart;
  queueRecords?: number;
}

export type StreamItem =
  /** `cursor`: where to continue after this record. */
  | { kind: 'record'; record: LogRecord; cursor: string }
  /** Records after the requested position were trimmed. */
  | { kind: 'gap'; cursor: string; firstKept: string };

interface Position {
  partition: number;
  /** Everything up to here was yielded or does not match. */
  reached: string;
  /** Records come from the queue, not from pages. */
  isLive: boolean;
  /** If live: everything up to here came from pages. */
  attached: string;
  mayHaveGap: boolean;
}

export class RecordStream {
  readonly #options: RecordStreamOptions;
  readonly #positions = new Map<number, Position>();
  readonly #topics: ReadonlySet<string> | undefined;
  readonly #vins: ReadonlySet<string> | undefined;
  readonly #leave: () => void;
  /** The last entry that was yielded, by partition. */
  readonly #yielded: Map<number, string>;
  #queue: LogRecord[] = [];
  #queueBytes = 0;
  #wake: () => void = () => {};
  /** Everything so far was yielded. */
  #isIdle = false;
  #isStopped = false;

  constructor(options: RecordStreamOptions) {
    this.#options = options;
    const { records, vins, topics, start } = options;
    this.#vins = vins && new Set(vins);
    this.#topics = topics && topics.length > 0 ? new Set(topics) : undefined;
    const partitions = vins
      ? new Set(vins.map((vin) => records.partitionOf(vin)))
      : Array.from({ length: records.partitions }, (_, partition) => partition);
    for (const partition of [...partitions].sort((a, b) => a - b))
      this.#positions.set(partition, this.#position(partition, start));
    this.#yielded = new Map([...this.#positions].map(([partition, { reached }]) => [partition, reached]));
    this.#leave = records.listen(vins, (record) => this.#enqueue(record));
  }

  /** The position of the client: the last record that was yielded, and everything since that does not match. */
  get cursor(): string {
    if (this.#isIdle && this.#queue.length === 0) {
      this.#drainQueue();
      this.#skipToReached();
    }
    return formatCursor(this.#yielded);
  }

  /** Ends the iteration, even while it waits. */
  stop(): void {
    this.#isStopped = true;
    this.#leave();
    this.#queue = [];
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<StreamItem> {
    try {
      while (!this.#isStopped) {
        const { gap, records } = await this.#next();
        if (gap) yield { kind: 'gap', ...gap };
        for (const record of records) {
          if (this.#isStopped) return;
          this.#yielded.set(record.partition, record.entry.id);
          yield { kind: 'record', record, cursor: this.cursor };
        }
        this.#skipToReached();
      }
    } finally {
      this.stop();
    }
  }

  /** The next records; an empty list if there are no new ones yet. */
  async #next(): Promise<{ records: LogRecord[]; gap?: { cursor: string; firstKept: string } | undefined }> {
    const behind = [...this.#positions.values()].find(({ isLive }) => !isLive);
    if (behind !== undefined) {
      try {
        return await this.#page(behind);
      } catch {
        // Redis does not answer; the client keeps its position
        await this.#pause(RETRY_MS);
        return { records: [] };
      }
    }
    if (this.#queue.length === 0) {
      this.#isIdle = true;
      await this.#pause();
      this.#isIdle = false;
    }
    return { records: this.#drainQueue() };
  }

  #skipToReached(): void {
    for (const { partition, reached } of this.#positions.values()) this.#yielded.set(partition, reached);
  }

  /** Reads the next page. At the end of the log the partition becomes live, beginning with the very next record. */
  async #page(position: Position) {
    const { records } = this.#options;
    const { partition } = position;
    const gap = position.mayHaveGap ? await records.pages.gapAfter(partition, position.reached) : undefined;
    const published = records.position(partition);
    const entries = await records.pages.after(partition, position.reached, PAGE_ENTRIES);
    position.mayHaveGap = false;
    position.reached = entries.at(-1)?.id ?? position.reached;
    if (entries.length < PAGE_ENTRIES) {
      if (compareEntryIds(published, position.reached) > 0) position.reached = published;
      // records that were published meanwhile were missed: read once more
      position.isLive = compareEntryIds(records.position(partition), position.reached) <= 0;
      position.attached = position.reached;
    }
    const wanted = entries.filter((entry) => this.#isWanted(entry));
    return { gap, records: wanted.map((entry) => new LogRecord(partition, entry)) };
  }

  #enqueue(record: LogRecord): void {
    const position = this.#positions.get(record.partition);
    if (!position?.isLive || !this.#isWanted(record.entry)) return;
    if (compareEntryIds(record.entry.id, position.attached) <= 0) return;
    this.#queue.push(record);
    this.#queueBytes += record.entry.payload.length;
    const { queueRecords = QUEUE_RECORDS } = this.#options;
    if (this.#queue.length > queueRecords || this.#queueBytes > QUEUE_BYTES) this.#fallBack();
    this.#wake();
  }

  #drainQueue(): LogRecord[] {
    const drained = this.#queue;
    this.#queue = [];
    this.#queueBytes = 0;
    for (const position of this.#positions.values()) {
      if (!position.isLive) continue;
      const published = this.#options.records.position(position.partition);
      if (compareEntryIds(published, position.reached) > 0) position.reached = published;
    }
    return drained;
  }

  #fallBack(): void {
    this.#queue = [];
    this.#queueBytes = 0;
    for (const position of this.#positions.values()) {
      position.isLive = false;
      position.mayHaveGap = true;
    }
  }

  #isWanted({ vin, topic, receivedMs }: LogEntry): boolean {
    const { start } = this.#options;
    if (this.#vins?.has(vin) === false || this.#topics?.has(topic) === false) return false;
    return start.kind !== 'time' || receivedMs >= start.fromMs;
  }

  #position(partition: number, start: StreamStart): Position {
    const present = this.#options.records.position(partition);
    const live = { partition, reached: present, isLive: true, attached: present, mayHaveGap: false };
    if (start.kind === 'cursor') {
      const reached = start.positions.get(partition);
      return reached === undefined ? live : { ...live, reached, isLive: false, mayHaveGap: true };
    }
    if (start.kind === 'live') return live;
    return { ...live, reached: `${Math.max(0, start.fromMs - CLOCK_SLACK_MS)}-0`, isLive: false };
  }

  #pause(limitMs?: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = limitMs === undefined ? undefined : setTimeout(resolve, limitMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

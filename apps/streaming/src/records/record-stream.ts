// What one client is told of the log, from wherever it begins, in order, without a gap or a repeat. The client's pace
// is the pace: the next record is handed out when it is asked for. Live records wait in a bounded queue; one that runs
// over is thrown away and the log read instead, from where the client is.
import { compareEntryIds } from '@fleetbridge/protocol';
import type { LogEntry } from '@fleetbridge/store';
import { formatCursor, type Positions } from './log-cursor.js';
import { LogRecord, type LogRecords } from './log-records.js';

const PAGE_ENTRIES = 200;
const QUEUE_RECORDS = 2_000;
const QUEUE_BYTES = 2_000_000;
/** A cursor names the log's clock, a time that of the receiver: a little earlier, and judged by the record. */
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
  /** `cursor`: where to begin after this record. */
  | { kind: 'record'; record: LogRecord; cursor: string }
  /** What is kept begins after the place that was asked for. */
  | { kind: 'gap'; cursor: string; firstKept: string };

interface Place {
  partition: number;
  /** All up to here has been handed out, or is none of the client's business. */
  reached: string;
  /** Whether its records come by the queue. */
  isLive: boolean;
  /** Of a live one: what is at or before it came by pages. */
  attached: string;
  mayHaveGap: boolean;
}

export class RecordStream {
  readonly #options: RecordStreamOptions;
  readonly #places = new Map<number, Place>();
  readonly #topics: ReadonlySet<string> | undefined;
  readonly #vins: ReadonlySet<string> | undefined;
  readonly #leave: () => void;
  /** What the client has been handed, by partition. */
  readonly #handedOut: Map<number, string>;
  #queue: LogRecord[] = [];
  #queueBytes = 0;
  #wake: () => void = () => {};
  /** Everything there was has been handed out. */
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
      this.#places.set(partition, this.#place(partition, start));
    this.#handedOut = new Map([...this.#places].map(([partition, { reached }]) => [partition, reached]));
    this.#leave = records.listen(vins, (record) => this.#queueUp(record));
  }

  /** Where the client is: what it has been handed, and all that was none of its business since. */
  get cursor(): string {
    if (this.#isIdle && this.#queue.length === 0) {
      this.#takeQueue();
      this.#handOutReached();
    }
    return formatCursor(this.#handedOut);
  }

  /** Ends the iteration, also one that waits. */
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
          this.#handedOut.set(record.partition, record.entry.id);
          yield { kind: 'record', record, cursor: this.cursor };
        }
        this.#handOutReached();
      }
    } finally {
      this.stop();
    }
  }

  /** The next records; none when something else has changed. */
  async #next(): Promise<{ records: LogRecord[]; gap?: { cursor: string; firstKept: string } | undefined }> {
    const behind = [...this.#places.values()].find(({ isLive }) => !isLive);
    if (behind !== undefined) {
      try {
        return await this.#page(behind);
      } catch {
        // Redis does not answer now; the client keeps its place
        await this.#pause(RETRY_MS);
        return { records: [] };
      }
    }
    if (this.#queue.length === 0) {
      this.#isIdle = true;
      await this.#pause();
      this.#isIdle = false;
    }
    return { records: this.#takeQueue() };
  }

  #handOutReached(): void {
    for (const { partition, reached } of this.#places.values()) this.#handedOut.set(partition, reached);
  }

  /** Reads on in the log; at its end the partition's records come by the queue, beginning with the very next one. */
  async #page(place: Place) {
    const { records } = this.#options;
    const { partition } = place;
    const gap = place.mayHaveGap ? await records.pages.gapAfter(partition, place.reached) : undefined;
    const told = records.position(partition);
    const entries = await records.pages.after(partition, place.reached, PAGE_ENTRIES);
    place.mayHaveGap = false;
    place.reached = entries.at(-1)?.id ?? place.reached;
    if (entries.length < PAGE_ENTRIES) {
      if (compareEntryIds(told, place.reached) > 0) place.reached = told;
      // what was told in the meantime went by: then once more
      place.isLive = compareEntryIds(records.position(partition), place.reached) <= 0;
      place.attached = place.reached;
    }
    const wanted = entries.filter((entry) => this.#isWanted(entry));
    return { gap, records: wanted.map((entry) => new LogRecord(partition, entry)) };
  }

  #queueUp(record: LogRecord): void {
    const place = this.#places.get(record.partition);
    if (!place?.isLive || !this.#isWanted(record.entry)) return;
    if (compareEntryIds(record.entry.id, place.attached) <= 0) return;
    this.#queue.push(record);
    this.#queueBytes += record.entry.payload.length;
    const { queueRecords = QUEUE_RECORDS } = this.#options;
    if (this.#queue.length > queueRecords || this.#queueBytes > QUEUE_BYTES) this.#fallBack();
    this.#wake();
  }

  #takeQueue(): LogRecord[] {
    const taken = this.#queue;
    this.#queue = [];
    this.#queueBytes = 0;
    for (const place of this.#places.values()) {
      if (!place.isLive) continue;
      const position = this.#options.records.position(place.partition);
      if (compareEntryIds(position, place.reached) > 0) place.reached = position;
    }
    return taken;
  }

  #fallBack(): void {
    this.#queue = [];
    this.#queueBytes = 0;
    for (const place of this.#places.values()) {
      place.isLive = false;
      place.mayHaveGap = true;
    }
  }

  #isWanted({ vin, topic, receivedMs }: LogEntry): boolean {
    const { start } = this.#options;
    if (this.#vins?.has(vin) === false || this.#topics?.has(topic) === false) return false;
    return start.kind !== 'time' || receivedMs >= start.fromMs;
  }

  #place(partition: number, start: StreamStart): Place {
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

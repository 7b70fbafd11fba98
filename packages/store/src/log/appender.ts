// Appends records to the log. The records of one turn of the event loop are sent as one script call per partition. The
// next call is sent after the answer, so no record can overtake another. A call without an answer is repeated unchanged,
// before any newer record, until Redis answers; the script detects what was stored already.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  LogUnavailable,
  PartitionConnection,
  type PartitionKeys,
  runScript,
  type Store,
  withAnswerLimit,
} from '../redis/index.js';
import { appendRecords, LATE_MS } from '../scripts/index.js';
import { PackedRecords, type RecordToAppend } from './record-packing.js';
import { whenReplicated } from './replication.js';

/**
 * stored: on disk according to the policy of this Redis. repeat: it was stored before. failed: Redis rejected this record.
 * elsewhere: only for `reconnect`, the vehicle has another connection by now.
 */
export type AppendOutcome = 'stored' | 'repeat' | 'failed' | 'elsewhere';

/** Called once with the outcome of a record. An object rather than a function: there is one per record. */
export interface AppendReceipt {
  settled(outcome: AppendOutcome): void;
}

export interface AppenderOptions {
  store: Store;
  /** Identifies the process in presence (see presence.ts). */
  processId: () => string;
  /** Replicas that must have a record before it counts as stored. */
  ackReplicas?: number;
  /** After this time without an answer the connection is replaced. */
  callTimeoutMs?: number;
  /** The first failure of an outage; onRecovered: the first success after it. */
  onTrouble?: (error: LogUnavailable) => void;
  onRecovered?: (info: { attempts: number; waitingRecords: number }) => void;
  /** Each answered call. */
  onCall?: (call: AppendCall) => void;
}

export interface AppendCall {
  durationMs: number;
  records: number;
  /**
   * Time of the last entry that it appended, by the clock of Redis or, if that is behind, of a vehicle. Later than the
   * clock of this process only if that is behind. 0: it appended no entry.
   */
  lastEntryMs: number;
}

const OUTCOMES: Record<string, AppendOutcome> = { S: 'stored', R: 'repeat', F: 'failed', E: 'elsewhere' };
// Temporary errors: Redis is loading, full, read-only or busy, or slots of the cluster are moving.
const TRANSIENT =
  /^(?:LOADING|OOM|READONLY|CLUSTERDOWN|TRYAGAIN|BUSY|MASTERDOWN|MISCONF|NOREPLICAS|UNBLOCKED|MOVED|ASK)\b/;
const CALL_TIMEOUT_MS = 5_000;
const SPARE_BYTES = 256_000;
const FIRST_RETRY_MS = 20;
const LONGEST_RETRY_MS = 1_000;

export class Appender {
  readonly #options: AppenderOptions;
  readonly #partitions: PartitionQueue[];
  /** Records without an outcome, and their packed bytes. */
  unsettledRecords = 0;
  unsettledBytes = 0;

  constructor(options: AppenderOptions) {
    this.#options = options;
    const release = (records: number, bytes: number) => {
      this.unsettledRecords -= records;
      this.unsettledBytes -= bytes;
    };
    this.#partitions = options.store.mapPartitions((keys) => new PartitionQueue(keys, options, release));
  }

  /** Queues a record; its bytes are copied. Records of one VIN are stored in the order of these calls. */
  append(record: RecordToAppend, receipt: AppendReceipt): void {
    const queue = this.#partitions[this.#options.store.partitionOf(record.vin)]!;
    this.unsettledRecords++;
    this.unsettledBytes += queue.add(record, receipt);
  }

  /** True while a call gets no answer. */
  get isInTrouble(): boolean {
    return this.#partitions.some((queue) => queue.attempts > 0);
  }

  /** Waits until every record has its outcome. Returns how many records have no outcome at the deadline. */
  async drain(deadlineMs: number): Promise<number> {
    const deadline = performance.now() + deadlineMs;
    while (this.unsettledRecords > 0 && performance.now() < deadline) await delay(5);
    return this.unsettledRecords;
  }

  /** Abandons records without an outcome. */
  stop(): void {
    for (const queue of this.#partitions) queue.stop();
  }
}

interface CallAnswer {
  codes: string;
  lastEntryMs: number;
}

class Batch {
  readonly packed: PackedRecords;
  readonly receipts: AppendReceipt[] = [];
  readonly begunMs = performance.now();
  mayBeStored = false;

  constructor(packed: PackedRecords) {
    this.packed = packed;
  }
}

/** The batches of one partition: the first is the next to be sent or in flight, the last receives new records. */
class PartitionQueue {
  readonly #keys: PartitionKeys;
  readonly #options: AppenderOptions;
  readonly #release: (records: number, bytes: number) => void;
  readonly #batches: Batch[] = [];
  /** The buffer of the last answered call, for reuse. */
  #spare: PackedRecords | undefined;
  #isScheduled = false;
  #isInFlight = false;
  #isStopped = false;
  #retryTimer: NodeJS.Timeout | undefined;
  /** Consecutive calls without an answer. */
  attempts = 0;
  /** Number of abandoned calls, which lets the script reject an abandoned call that arrives late. */
  #abandoned = 0;
  readonly #givenUpKey: string;
  /** Undefined: the calls of all partitions share one connection, which is the cheapest. */
  readonly #own: PartitionConnection | undefined;

  constructor(keys: PartitionKeys, options: AppenderOptions, release: (records: number, bytes: number) => void) {
    this.#keys = keys;
    this.#givenUpKey = keys.givenUp(randomUUID());
    this.#options = options;
    this.#release = release;
    const { ackReplicas = 0 } = options;
    const { redis } = options.store;
    if (ackReplicas > 0 || redis.isCluster) this.#own = new PartitionConnection(redis, keys.partition);
  }

  add(record: RecordToAppend, receipt: AppendReceipt): number {
    let batch = this.#batches.at(-1);
    if (batch === undefined || batch.packed.isFull || (this.#isInFlight && this.#batches.length === 1)) {
      batch = new Batch(this.#spare ?? new PackedRecords());
      this.#spare = undefined;
      this.#batches.push(batch);
    }
    const before = batch.packed.length;
    batch.packed.add(record);
    batch.receipts.push(receipt);
    if (!this.#isInFlight && !this.#isScheduled && this.attempts === 0) {
      this.#isScheduled = true;
      setImmediate(() => {
        this.#isScheduled = false;
        this.#send();
      });
    }
    return batch.packed.length - before;
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#retryTimer);
    this.#own?.stop();
  }

  #send(): void {
    const batch = this.#batches[0];
    if (batch === undefined || this.#isInFlight || this.#isStopped) return;
    this.#isInFlight = true;
    const startedMs = performance.now();
    this.#call(batch).then(
      ({ codes, lastEntryMs }) => {
        const durationMs = performance.now() - startedMs;
        this.#options.onCall?.({ durationMs, records: batch.receipts.length, lastEntryMs });
        this.#answered(batch, codes);
      },
      (error) => this.#unanswered(batch, error),
    );
  }

  async #call(batch: Batch): Promise<CallAnswer> {
    const { store, processId, callTimeoutMs = CALL_TIMEOUT_MS } = this.#options;
    const { redis } = store;
    const { replaced, seenPrefix, vehicleTimePrefix } = this.#keys;
    const isLate = performance.now() - batch.begunMs > LATE_MS;
    const mustCheckRepeats = batch.mayBeStored || isLate;
    const args = [
      seenPrefix,
      processId(),
      mustCheckRepeats ? '1' : '0',
      batch.packed.bytes,
      this.#abandoned,
      redis.isCluster ? '1' : '0',
      Date.now(),
      replaced,
      vehicleTimePrefix,
    ];
    try {
      return await withAnswerLimit(this.#callOnce(args), callTimeoutMs, () => {
        // Answers of a connection come in order: without a new one every later call would wait behind this one.
        if (this.#own === undefined) redis.disconnect(true);
      });
    } catch (error) {
      this.#own?.discard();
      throw error;
    }
  }

  async #callOnce(args: (string | Buffer | number)[]): Promise<CallAnswer> {
    const { store, ackReplicas = 0, callTimeoutMs = CALL_TIMEOUT_MS } = this.#options;
    const { records, presence, newest, ackFence } = this.#keys;
    const own = this.#own?.get();
    const named = [records, presence, newest, this.#givenUpKey];
    const reply = await runScript(own ?? store.redis, appendRecords, named, args);
    const [codes, failure, lastMs = ''] = reply as [string, string, string?];
    if (failure !== '' && TRANSIENT.test(failure)) throw new Error(failure);
    if (own && ackReplicas > 0) {
      await whenReplicated(own, {
        replicas: ackReplicas,
        limitMs: Math.max(1, callTimeoutMs - 100),
        fenceKey: ackFence,
      });
    }
    return { codes, lastEntryMs: Number(lastMs) };
  }

  #answered(batch: Batch, codes: string): void {
    this.#isInFlight = false;
    this.#batches.shift();
    const { attempts } = this;
    this.attempts = 0;
    this.#release(batch.receipts.length, batch.packed.length);
    // a megabyte of records makes the buffer large for a moment; an idle partition does not keep it
    if (batch.packed.length <= SPARE_BYTES) {
      batch.packed.clear();
      this.#spare = batch.packed;
    }
    if (attempts > 0)
      this.#options.onRecovered?.({
        attempts,
        waitingRecords: this.#batches.reduce((sum, { receipts }) => sum + receipts.length, 0),
      });
    // send the next call before the acks are built, so that Redis works in parallel
    this.#send();
    for (let index = 0; index < batch.receipts.length; index++) {
      const code = codes[index]!;
      batch.receipts[index]!.settled(code === 'S' ? 'stored' : (OUTCOMES[code] ?? 'failed'));
    }
  }

  #unanswered(batch: Batch, cause: unknown): void {
    this.#isInFlight = false;
    if (this.#isStopped) return;
    batch.mayBeStored = true;
    this.#abandoned++;
    this.attempts++;
    if (this.attempts === 1) this.#options.onTrouble?.(new LogUnavailable('append', cause));
    const retryMs = Math.min(FIRST_RETRY_MS * 2 ** Math.min(this.attempts - 1, 10), LONGEST_RETRY_MS);
    this.#retryTimer = setTimeout(() => this.#send(), retryMs);
  }
}

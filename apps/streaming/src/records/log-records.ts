// The log's records as they come, for those who want them whole: read once by the feeds' tails, decoded once, told to
// whoever listens for the vehicle. What came before is read by pages (record-stream.ts).
import { type DecodedRecord, decodeRecord, RecordDecodeError, recordJson } from '@fleetbridge/protocol';
import type { LogEntry, LogPages, Store } from '@fleetbridge/store';

/** A record in the log. What is made of it is made once, however many are told. */
export class LogRecord {
  readonly partition: number;
  readonly entry: LogEntry;
  #decoded: DecodedRecord | undefined;
  #isDecoded: boolean;
  #json: string | undefined;

  constructor(partition: number, entry: LogEntry, live?: { decoded: DecodedRecord | undefined }) {
    this.partition = partition;
    this.entry = entry;
    this.#decoded = live?.decoded;
    this.#isDecoded = live !== undefined;
  }

  /** undefined: a topic that we don't know, or bytes that can't be read. */
  get decoded(): DecodedRecord | undefined {
    if (!this.#isDecoded) {
      this.#isDecoded = true;
      this.#decoded = decodedOrNot(this.entry);
    }
    return this.#decoded;
  }

  /** As raw clients get it: a JSON object; `data` is what Tesla's server publishes for the record. */
  get json(): string {
    this.#json ??= JSON.stringify({
      vin: this.entry.vin,
      topic: this.entry.topic,
      txid: this.entry.txid,
      created_at: isoTime(this.entry.createdMs),
      received_at: isoTime(this.entry.receivedMs),
      data: this.decoded === undefined ? null : recordJson(this.decoded),
    });
    return this.#json;
  }
}

type Listener = (record: LogRecord) => void;

export interface LogRecordsOptions {
  pages: LogPages;
  store: Pick<Store, 'partitions' | 'partitionOf'>;
  /** How far a partition had been read before the first record came. */
  readTo: (partition: number) => string;
}

export class LogRecords {
  readonly #options: LogRecordsOptions;
  readonly #positions = new Map<number, string>();
  readonly #ofVin = new Map<string, Set<Listener>>();
  readonly #ofAll = new Set<Listener>();

  constructor(options: LogRecordsOptions) {
    this.#options = options;
  }

  get pages(): LogPages {
    return this.#options.pages;
  }

  get partitions(): number {
    return this.#options.store.partitions;
  }

  partitionOf(vin: string): number {
    return this.#options.store.partitionOf(vin);
  }

  /** All up to here has been told to whoever listened then. */
  position(partition: number): string {
    return this.#positions.get(partition) ?? this.#options.readTo(partition);
  }

  /** The next record of a partition. */
  publish(partition: number, entry: LogEntry, decoded: DecodedRecord | undefined): void {
    this.#positions.set(partition, entry.id);
    const ofVin = this.#ofVin.get(entry.vin);
    if (ofVin === undefined && this.#ofAll.size === 0) return;
    const record = new LogRecord(partition, entry, { decoded });
    for (const listener of ofVin ?? []) listener(record);
    for (const listener of this.#ofAll) listener(record);
  }

  /** Without VINs: of all vehicles. Returns how to leave. */
  listen(vins: readonly string[] | undefined, listener: Listener): () => void {
    if (vins === undefined) {
      this.#ofAll.add(listener);
      return () => void this.#ofAll.delete(listener);
    }
    for (const vin of vins) {
      const listeners = this.#ofVin.get(vin) ?? new Set();
      this.#ofVin.set(vin, listeners.add(listener));
    }
    return () => {
      for (const vin of vins) {
        const listeners = this.#ofVin.get(vin);
        listeners?.delete(listener);
        if (listeners?.size === 0) this.#ofVin.delete(vin);
      }
    };
  }
}

function decodedOrNot({ topic, payload }: LogEntry): DecodedRecord | undefined {
  try {
    return decodeRecord(topic, payload);
  } catch (error) {
    if (!(error instanceof RecordDecodeError)) throw error;
    return undefined;
  }
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

// The log's records as they arrive, for clients of whole records: read once by the tails of the feeds, decoded once, and
// published to the listeners of the vehicle. Earlier records are read by pages (record-stream.ts).

import { type DecodedRecord, recordJson } from '@fleetbridge/protocol';
import type { LogEntry, LogPages, Store } from '@fleetbridge/store';
import { decodedOrUndefined } from '@fleetbridge/vehicle-feed';

/** A record in the log. Its JSON is made once for all listeners. */
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

  /** undefined: an unknown topic, or an undecodable payload. */
  get decoded(): DecodedRecord | undefined {
    if (!this.#isDecoded) {
      this.#isDecoded = true;
      this.#decoded = decodedOrUndefined(this.entry);
    }
    return this.#decoded;
  }

  /** The JSON object that raw clients receive; `data` is what Tesla's server publishes for the record. */
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
  /** The last entry of a partition that was read before the first record was published. */
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

  /** The last entry that was published. */
  position(partition: number): string {
    return this.#positions.get(partition) ?? this.#options.readTo(partition);
  }

  /** The log was replaced: the next records follow from its beginning. */
  restart(): void {
    this.#positions.clear();
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

  /** Without VINs: to all vehicles. Returns how to stop listening. */
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

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

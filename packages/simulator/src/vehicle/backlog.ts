// The unacknowledged records of a vehicle: in flight on this connection, or waiting. Always oldest first: after a lost
// connection the records in flight wait again, before the others, which are all newer.

export interface BacklogRecord {
  readonly txid: string;
}

export class Backlog<T extends BacklogRecord> {
  readonly #maxRecords: number;
  #inFlight = new Map<string, T>();
  #waiting: T[] = [];

  constructor(maxRecords: number) {
    this.#maxRecords = maxRecords;
  }

  get size(): number {
    return this.#inFlight.size + this.#waiting.length;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Returns the oldest waiting record when the backlog is full: it is dropped. */
  add(record: T): T | undefined {
    this.#waiting.push(record);
    return this.size > this.#maxRecords ? this.#waiting.shift() : undefined;
  }

  /** The next record to send; it is in flight from now on. */
  takeNext(): T | undefined {
    const record = this.#waiting.shift();
    if (record !== undefined) this.#inFlight.set(record.txid, record);
    return record;
  }

  /** Removes a record in flight and returns it; undefined when it is not in flight. */
  settle(txid: string): T | undefined {
    const record = this.#inFlight.get(txid);
    this.#inFlight.delete(txid);
    return record;
  }

  connectionLost(): void {
    this.#waiting = [...this.#inFlight.values(), ...this.#waiting];
    this.#inFlight = new Map();
  }
}

// What a vehicle has said and no server has acknowledged: in flight on this connection, or waiting. Always oldest first:
// a lost connection puts what was in flight before what waited, and all of it is older.

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

  /** Returns the oldest waiting record when there was no room for both: it is given up. */
  add(record: T): T | undefined {
    this.#waiting.push(record);
    return this.size > this.#maxRecords ? this.#waiting.shift() : undefined;
  }

  /** The next record to send, in flight from now on. */
  takeNext(): T | undefined {
    const record = this.#waiting.shift();
    if (record !== undefined) this.#inFlight.set(record.txid, record);
    return record;
  }

  /** Forgets a record that was in flight and returns it; undefined for one that wasn't. */
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

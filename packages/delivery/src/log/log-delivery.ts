// Delivery as one line of JSON per record, to stdout or a file, in the form of the Go server's logger
// (docs/protocol/vehicle.md#logger).
import { createWriteStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { decodeRecord, flatRecord } from '@fleetbridge/protocol';
import type { LogEntry } from '@fleetbridge/store';
import {
  attributesOf,
  away,
  DELIVERED,
  type Delivery,
  type DeliveryOutcome,
  type OutgoingRecord,
  rejected,
  type SignalSelection,
} from '../shared/index.js';

export interface LogOptions {
  /** Appended to; undefined: stdout. */
  file?: string | undefined;
  signals?: SignalSelection;
}

export class LogDelivery implements Delivery {
  readonly #signals: SignalSelection;
  readonly #file: string | undefined;
  #out: Writable | undefined;

  constructor({ file, signals }: LogOptions) {
    this.#signals = signals;
    this.#file = file;
  }

  async deliver({ entry }: OutgoingRecord): Promise<DeliveryOutcome> {
    let line: string;
    try {
      line = logLine(entry, this.#signals);
    } catch (error) {
      return rejected(error);
    }
    return await new Promise((resolve) => {
      this.#stream().write(`${line}\n`, (error) => resolve(error ? away(error) : DELIVERED));
    });
  }

  async stop(): Promise<void> {
    const out = this.#out;
    if (this.#file !== undefined && out !== undefined) await new Promise<void>((resolve) => out.end(resolve));
  }

  /** After an error of the file (disk full, folder removed) the next record opens it again. */
  #stream(): Writable {
    if (this.#file === undefined) return process.stdout;
    if (this.#out === undefined || this.#out.destroyed) {
      this.#out = createWriteStream(this.#file, { flags: 'a' });
      // the callback of the write receives the error as well
      this.#out.on('error', () => {});
    }
    return this.#out;
  }
}

/** Throws RecordDecodeError. */
export function logLine(entry: LogEntry, signals?: SignalSelection): string {
  const record = decodeRecord(entry.topic, entry.payload);
  return JSON.stringify({
    activity: true,
    data: flatRecord(record, entry.vin, { invalid: '<invalid>', signals }),
    level: 'info',
    metadata: attributesOf(entry),
    msg: 'record_payload',
    time: new Date(entry.receivedMs).toISOString(),
    vin: entry.vin,
  });
}

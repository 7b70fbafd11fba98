// Delivery as one line of JSON per record, to stdout or a file, in the form of the Go server's logger
// (docs/protocol/vehicle.md#logger).
import { createWriteStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { decodeRecord, flatRecord } from '@fleetbridge/protocol';
import { writeToLog } from '@fleetbridge/service';
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
  /** By message id: a repeat waits for the line that is being written, and does not write another. */
  readonly #unsettled = new Map<string, Promise<DeliveryOutcome>>();

  constructor({ file, signals }: LogOptions) {
    this.#signals = signals;
    this.#file = file;
  }

  async deliver({ entry, messageId }: OutgoingRecord): Promise<DeliveryOutcome> {
    const unsettled = this.#unsettled.get(messageId);
    if (unsettled !== undefined) return await unsettled;
    let line: string;
    try {
      line = logLine(entry, this.#signals);
    } catch (error) {
      return rejected(error);
    }
    const written = this.#write(line).then((): DeliveryOutcome => DELIVERED, away);
    this.#unsettled.set(messageId, written);
    return await written.finally(() => this.#unsettled.delete(messageId));
  }

  async stop(): Promise<void> {
    const out = this.#out;
    if (out !== undefined) await new Promise<void>((resolve) => out.end(resolve));
  }

  #write(line: string): Promise<void> {
    if (this.#file === undefined) return writeToLog(line);
    const file = this.#stream(this.#file);
    return new Promise((resolve, reject) => {
      file.write(`${line}\n`, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** After an error of the file (disk full, folder removed) the next record opens it again. */
  #stream(file: string): Writable {
    if (this.#out === undefined || this.#out.destroyed) {
      this.#out = createWriteStream(file, { flags: 'a' });
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

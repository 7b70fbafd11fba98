// Puts messages that could not be read into the quarantine. Nothing waits for these writes, so their size is bounded
// here: per message, and in total while Redis has not answered.
import type { Logger } from '@fleetbridge/service';
import type { Quarantine } from '@fleetbridge/store';
import type { Counts } from '../counts.js';

/** Bytes kept of one message: enough to see what it was. */
const KEPT_BYTES = 65_536;
const MAX_PENDING_BYTES = 2_000_000;
/** Memory of one pending write besides its bytes. */
const OVERHEAD_BYTES = 200;

export interface MessageQuarantineOptions {
  quarantine: Pick<Quarantine, 'add'>;
  counts: Pick<Counts, 'quarantineDropped'>;
  log: Pick<Logger, 'debug'>;
  now: () => number;
}

export class MessageQuarantine {
  readonly #options: MessageQuarantineOptions;
  #pendingBytes = 0;

  constructor(options: MessageQuarantineOptions) {
    this.#options = options;
  }

  add(vin: string, reason: string, message: Buffer): void {
    const { quarantine, log, counts, now } = this.#options;
    const bytes = message.subarray(0, KEPT_BYTES);
    const cost = bytes.length + OVERHEAD_BYTES;
    if (this.#pendingBytes + cost > MAX_PENDING_BYTES) {
      counts.quarantineDropped++;
      return;
    }
    this.#pendingBytes += cost;
    quarantine
      .add({ vin, reason, receivedMs: now(), bytes })
      .catch((err) => log.debug({ err, vin }, 'quarantine_failed'))
      .finally(() => {
        this.#pendingBytes -= cost;
      });
  }
}

// A connection to a broker that opens with the first use and is discarded at the first failure, together with everything
// that the client library still buffers. A client that reconnects on its own would resend unconfirmed messages, possibly
// after another dispatcher has acquired the lease.

import { withTimeout } from '@fleetbridge/service';
import { away, type DeliveryOutcome, messageOf } from './delivery.js';

/** The connection was discarded because another use of it failed: this failure has nothing to do with the use itself. */
class DiscardedByOther extends Error {
  override readonly name = 'DiscardedByOther';
}

/** The outcome of a use that rejected. */
export function awayByConnection(error: unknown): DeliveryOutcome & { kind: 'away' } {
  return error instanceof DiscardedByOther ? { ...away(error), isCollateral: true } : away(error);
}

export interface OnDemandConnectionOptions<T> {
  /** Must call `onLost` when the connection ends unexpectedly. */
  open: (onLost: (error: Error) => void) => Promise<T>;
  /** Closes it at once, even with sends in flight. */
  close: (connection: T) => unknown;
  /** For opening it, and for each use. */
  timeoutMs: number;
}

interface Opened<T> {
  connection: Promise<T>;
  /** Rejects when the connection is lost. */
  lost: Promise<never>;
  /** One use of it has failed, which discarded it for all. */
  hasFailedUse: boolean;
}

export class OnDemandConnection<T> {
  readonly #options: OnDemandConnectionOptions<T>;
  #current: Opened<T> | undefined;

  constructor(options: OnDemandConnectionOptions<T>) {
    this.#options = options;
  }

  /** Rejects when `work` rejects or times out, or when the connection is lost. The connection is then closed. */
  async use<R>(work: (connection: T) => Promise<R>): Promise<R> {
    this.#current ??= this.#open();
    const opened = this.#current;
    const { timeoutMs } = this.#options;
    const message = `no response within ${timeoutMs} ms`;
    try {
      return await withTimeout(Promise.race([opened.connection.then(work), opened.lost]), timeoutMs, { message });
    } catch (error) {
      if (this.#current !== opened && opened.hasFailedUse)
        throw new DiscardedByOther(messageOf(error), { cause: error });
      opened.hasFailedUse = this.#current === opened;
      this.#discard(opened);
      throw error;
    }
  }

  /** Uses the connection only if it is open, e.g. for a last message before `stop`. Never rejects. */
  async ifOpen(work: (connection: T) => Promise<unknown>): Promise<void> {
    if (this.#current !== undefined) await this.use(work).catch(() => {});
  }

  stop(): void {
    if (this.#current !== undefined) this.#discard(this.#current);
  }

  #open(): Opened<T> {
    let lose: (error: Error) => void = () => {};
    const lost = new Promise<never>((_, reject) => {
      lose = reject;
    });
    const opened: Opened<T> = {
      lost,
      hasFailedUse: false,
      connection: this.#options.open((error) => {
        lose(error);
        this.#discard(opened);
      }),
    };
    // `use` handles both; without a caller they must not count as unhandled rejections
    lost.catch(() => {});
    opened.connection.catch(() => {});
    return opened;
  }

  #discard(opened: Opened<T>): void {
    if (this.#current !== opened) return;
    this.#current = undefined;
    opened.connection.then(this.#options.close).catch(() => {});
  }
}

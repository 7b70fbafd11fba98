// A connection to a broker that is made when there is something to send and thrown away at the first sign of trouble,
// with all that its client may still have in its store: a client that connects again by itself would send again what
// it has not seen confirmed, when the lease that allowed it may long be another's.

export interface OnDemandConnectionOptions<T> {
  /** `lost` is to be called when the connection ends by itself. */
  open: (lost: (error: Error) => void) => Promise<T>;
  /** Ends it at once, whatever is under way. */
  close: (connection: T) => unknown;
  /** For opening, and for each use. */
  limitMs: number;
}

interface Opened<T> {
  connection: Promise<T>;
  /** Rejects when the connection is lost. */
  lost: Promise<never>;
}

export class OnDemandConnection<T> {
  readonly #options: OnDemandConnectionOptions<T>;
  #current: Opened<T> | undefined;

  constructor(options: OnDemandConnectionOptions<T>) {
    this.#options = options;
  }

  /** Rejects when the work does, when it takes too long, or when the connection is lost; it is then closed. */
  async use<R>(work: (connection: T) => Promise<R>): Promise<R> {
    this.#current ??= this.#open();
    const opened = this.#current;
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_, reject) => {
      const { limitMs } = this.#options;
      timer = setTimeout(() => reject(new Error(`no answer within ${limitMs} ms`)), limitMs);
    });
    try {
      return await Promise.race([opened.connection.then(work), opened.lost, limit]);
    } catch (error) {
      this.#discard(opened);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** What is open, for a last word before `stop`. */
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
      connection: this.#options.open((error) => {
        lose(error);
        this.#discard(opened);
      }),
    };
    // both are looked at by whoever uses the connection, if anybody does
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

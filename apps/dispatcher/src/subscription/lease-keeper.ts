// Keeps the lease on one partition of a subscription: renews it, and retries calls until Redis answers or the lease is
// lost.
import { setTimeout as delay } from 'node:timers/promises';
import { type LeasedSubscription, LeaseLost } from '@fleetbridge/store';

export const REDIS_RETRY_MS = 100;

export interface LeaseKeeperOptions {
  work: Pick<LeasedSubscription, 'renew' | 'isHeld'>;
  leaseMs: number;
  onRenewed: () => void;
  /** Called at most once; must call `end`. */
  onLost: () => void;
}

export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  #timer: NodeJS.Timeout | undefined;
  #isEnded = false;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
  }

  start(): void {
    const { work, leaseMs, onRenewed } = this.#options;
    this.#timer = setTimeout(async () => {
      try {
        await work.renew();
        onRenewed();
      } catch (error) {
        if (this.isLostBy(error)) return;
      }
      if (!this.#isEnded) this.start();
    }, leaseMs / 3);
  }

  end(): void {
    this.#isEnded = true;
    clearTimeout(this.#timer);
  }

  /** By this process's clock; never true after `end`. */
  isHeld(): boolean {
    return !this.#isEnded && this.#options.work.isHeld();
  }

  /** Whether the lease is over: `error` reports its loss, or `end` was called. */
  isLostBy(error: unknown): boolean {
    if (this.#isEnded) return true;
    if (!(error instanceof LeaseLost)) return false;
    this.#options.onLost();
    return true;
  }

  /** Retries an idempotent call until Redis answers; undefined: the lease is over. */
  async untilAnswered<T>(call: () => Promise<T>): Promise<T | undefined> {
    while (!this.#isEnded) {
      try {
        return await call();
      } catch (error) {
        if (this.isLostBy(error)) return undefined;
        await delay(REDIS_RETRY_MS);
      }
    }
    return undefined;
  }
}

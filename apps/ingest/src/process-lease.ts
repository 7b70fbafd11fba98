// The lease of this process, by which others see whether the connections that it has reported still exist. The process id
// is new at each start, and after each expiry of the lease (Redis unreachable for long, the machine suspended).
import { randomUUID } from 'node:crypto';
import { type Logger, withTimeout } from '@fleetbridge/service';
import { PROCESS_LEASE_MS, type Presence } from '@fleetbridge/store';

/** How long a stop waits for a Redis that does not answer; the lease then expires. */
const END_LIMIT_MS = 1_000;

export interface ProcessLeaseOptions {
  presence: Pick<Presence, 'renewProcess' | 'endProcess'>;
  log: Logger;
  /** The lease had expired, and the process has a new id now. */
  onLost: () => void;
}

export class ProcessLease {
  readonly #options: ProcessLeaseOptions;
  #timer: NodeJS.Timeout | undefined;
  #processId = randomUUID() as string;
  #isFirst = true;
  #isRenewing = false;
  #isStopped = false;

  constructor(options: ProcessLeaseOptions) {
    this.#options = options;
  }

  get processId(): string {
    return this.#processId;
  }

  async start(): Promise<void> {
    await this.renew();
    this.#timer = setInterval(() => void this.renew(), PROCESS_LEASE_MS / 3);
  }

  /** Never rejects. Runs once at a time: a call to a Redis that does not answer can take long. */
  async renew(): Promise<void> {
    if (this.#isRenewing || this.#isStopped) return;
    this.#isRenewing = true;
    try {
      await this.#renew();
    } catch (err) {
      // Redis is unreachable. The next renewal finds out whether the lease has expired.
      this.#options.log.debug({ err }, 'process_lease_renewal_failed');
    } finally {
      this.#isRenewing = false;
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await withTimeout(this.#options.presence.endProcess(this.#processId), END_LIMIT_MS, {
      message: `no answer within ${END_LIMIT_MS} ms`,
    }).catch(() => {
      // The lease expires without it.
    });
  }

  async #renew(): Promise<void> {
    const { presence, log, onLost } = this.#options;
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    const isRenewed = await presence.renewProcess(this.#processId, PROCESS_LEASE_MS);
    if (this.#isStopped) return;
    if (isRenewed || isFirst) return;
    const lost = this.#processId;
    this.#processId = randomUUID();
    log.warn({ lost_process_id: lost, process_id: this.#processId }, 'process_lease_lost');
    // If this fails, the next renewal finds the new id unknown too, and replaces it again.
    await presence.renewProcess(this.#processId, PROCESS_LEASE_MS);
    // The lost id was just renewed and is valid for one more lease: time to report its connections under the new id.
    onLost();
  }
}

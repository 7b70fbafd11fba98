// The life sign of this process, by which others know whether the connections it has reported still exist. Its id is
// new at each start, and after each time that the lease ran out (Redis away for long, the process asleep).
import { randomUUID } from 'node:crypto';
import { type Logger, withTimeout } from '@fleetbridge/service';
import { PROCESS_LEASE_MS, type Presence } from '@fleetbridge/store';

/** What a stop may wait for a Redis that doesn't answer; the lease runs out by itself. */
const GOODBYE_MS = 1_000;

export interface ProcessLeaseOptions {
  presence: Pick<Presence, 'renewProcess' | 'endProcess'>;
  log: Logger;
  /** The lease had run out; the id is a new one now. */
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

  /** Never rejects. A Redis that is silent holds a call for long: there is one at a time. */
  async renew(): Promise<void> {
    if (this.#isRenewing || this.#isStopped) return;
    this.#isRenewing = true;
    try {
      await this.#renew();
    } catch (err) {
      // Redis is away. The next renewal tells whether the lease has outlived it.
      this.#options.log.debug({ err }, 'process_lease_not_renewed');
    } finally {
      this.#isRenewing = false;
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await withTimeout(this.#options.presence.endProcess(this.#processId), GOODBYE_MS, {
      message: `no answer within ${GOODBYE_MS} ms`,
    }).catch(() => {
      // The lease expires without it.
    });
  }

  async #renew(): Promise<void> {
    const { presence, log, onLost } = this.#options;
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    const isUnbroken = await presence.renewProcess(this.#processId, PROCESS_LEASE_MS);
    if (this.#isStopped) return;
    if (isUnbroken || isFirst) return;
    const lost = this.#processId;
    this.#processId = randomUUID();
    log.warn({ lost_process_id: lost, process_id: this.#processId }, 'process_lease_lost');
    // Should this fail, the next renewal finds the new id unknown too, and takes the next one.
    await presence.renewProcess(this.#processId, PROCESS_LEASE_MS);
    // The lost id lives for one lease more, since it was just renewed: time for its connections to change over.
    onLost();
  }
}

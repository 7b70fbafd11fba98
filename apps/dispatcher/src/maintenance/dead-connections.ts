// Reports the disconnects of ingest processes that died. A lease may also expire because Redis was unavailable, or because
// its clock was set forward, so expired leases count only after Redis has answered without a break, and its clock has not
// jumped, for as long as a lease lasts.
import type { Logger } from '@fleetbridge/service';
import { PROCESS_LEASE_MS, type Presence } from '@fleetbridge/store';

/** Far more than a slow answer, and less than the margin of a lease that is renewed in time. */
const JUMP_MS = 5_000;

export interface DeadConnectionsOptions {
  presence: Pick<Presence, 'reportDead'>;
  /** Must reject unless the Redis of every partition answers. */
  ping: () => Promise<unknown>;
  /** The clock of the Redis that has a partition. */
  redisTimeMs: (partition: number) => Promise<number>;
  log: Logger;
  now: () => number;
  /** Milliseconds of a clock that can't be set. */
  monotonicNow: () => number;
  counts: { reported: number };
}

export class DeadConnections {
  readonly #options: DeadConnectionsOptions;
  #answeringSinceMs: number | undefined;
  /** By partition: how much the clock of its Redis is ahead of the monotonic one. */
  #offsets = new Map<number, number>();

  constructor(options: DeadConnectionsOptions) {
    this.#options = options;
  }

  /** Call it every few seconds with the partitions of this process. Never rejects. */
  async report(partitions: readonly number[]): Promise<void> {
    const { presence, ping, log, now, monotonicNow, counts } = this.#options;
    try {
      await ping();
      if (await this.#hasJumped(partitions)) this.#answeringSinceMs = undefined;
      this.#answeringSinceMs ??= monotonicNow();
      if (monotonicNow() - this.#answeringSinceMs < PROCESS_LEASE_MS) return;
      for (const partition of partitions) {
        for (const { vin, connectionId, processId } of await presence.reportDead(partition, now())) {
          counts.reported++;
          log.info({ vin, connection_id: connectionId, process_id: processId }, 'dead_connection_reported');
        }
      }
    } catch (err) {
      log.debug({ err }, 'dead_connections_check_failed');
      this.#answeringSinceMs = undefined;
    }
  }

  async #hasJumped(partitions: readonly number[]): Promise<boolean> {
    const { redisTimeMs, monotonicNow } = this.#options;
    const offsets = new Map<number, number>();
    for (const partition of partitions) offsets.set(partition, (await redisTimeMs(partition)) - monotonicNow());
    const hasJumped = partitions.some((partition) => {
      const before = this.#offsets.get(partition);
      return before !== undefined && Math.abs(offsets.get(partition)! - before) > JUMP_MS;
    });
    this.#offsets = offsets;
    return hasJumped;
  }
}

// Reports the disconnects of ingest processes that died. A lease may also expire because Redis was unavailable, so expired
// leases count only after Redis has answered without a break for as long as a lease lasts.
import type { Logger } from '@fleetbridge/service';
import { PROCESS_LEASE_MS, type Presence } from '@fleetbridge/store';

export interface DeadConnectionsOptions {
  presence: Pick<Presence, 'reportDead'>;
  /** Must reject unless the Redis of every partition answers. */
  ping: () => Promise<unknown>;
  log: Logger;
  now: () => number;
  counts: { reported: number };
}

export class DeadConnections {
  readonly #options: DeadConnectionsOptions;
  #answeringSinceMs: number | undefined;

  constructor(options: DeadConnectionsOptions) {
    this.#options = options;
  }

  /** Call it every few seconds with the partitions of this process. Never rejects. */
  async report(partitions: readonly number[]): Promise<void> {
    const { presence, ping, log, now, counts } = this.#options;
    try {
      await ping();
      this.#answeringSinceMs ??= now();
      if (now() - this.#answeringSinceMs < PROCESS_LEASE_MS) return;
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
}

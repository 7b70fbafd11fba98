// Bytes per vehicle and minute (VEHICLE_BYTES_PER_MINUTE), so that one vehicle can't fill Redis. Never rejects: reading pauses
// until the vehicle's bucket refills.
import type { TokenBucket } from '@fleetbridge/access';
import type { Logger } from '@fleetbridge/service';
import type { Counts } from '../counts.js';
import { VehicleBuckets } from './vehicle-buckets.js';

const LOG_EVERY_MS = 600_000;
const REPORT_EVERY_MS = 30_000;
/** A vehicle counts as limited for this long after its last pause. */
const LIMITED_MS = 60_000;

export interface ByteBudgetOptions {
  bytesPerMinute: number;
  counts: Pick<Counts, 'byteLimited'>;
  log: Pick<Logger, 'warn'>;
  /** Milliseconds of a clock that can't be set. */
  monotonicNow: () => number;
  /** Called every half minute while the vehicle is limited, so that the status page and the CLI show it. */
  report: (vin: string) => void;
}

interface LimitedVehicle {
  pausedMs: number;
  loggedMs: number;
  reportedMs: number;
}

export class ByteBudget {
  readonly #options: ByteBudgetOptions;
  readonly #buckets: VehicleBuckets;
  /** Bounded by the admitted vehicles, by VIN. */
  readonly #limited = new Map<string, LimitedVehicle>();

  constructor(options: ByteBudgetOptions) {
    this.#options = options;
    const { bytesPerMinute } = options;
    this.#buckets = new VehicleBuckets({ capacity: bytesPerMinute, perSecond: bytesPerMinute / 60 });
  }

  /** Vehicles that were paused within the last minute. */
  get limitedVehicles(): number {
    const sinceMs = this.#options.monotonicNow() - LIMITED_MS;
    let count = 0;
    for (const { pausedMs } of this.#limited.values()) if (pausedMs >= sinceMs) count++;
    return count;
  }

  bucketOf(vin: string): TokenBucket {
    return this.#buckets.bucketOf(vin);
  }

  /** A socket of the vehicle is paused. Logged once per vehicle and ten minutes. */
  paused(vin: string): void {
    const { counts, log, bytesPerMinute, report, monotonicNow } = this.#options;
    const nowMs = monotonicNow();
    const last = this.#limited.get(vin);
    const isLogged = last !== undefined && nowMs - last.loggedMs < LOG_EVERY_MS;
    counts.byteLimited++;
    const isReported = last !== undefined && nowMs - last.reportedMs < REPORT_EVERY_MS;
    this.#limited.set(vin, {
      pausedMs: nowMs,
      loggedMs: isLogged ? last.loggedMs : nowMs,
      reportedMs: isReported ? last.reportedMs : nowMs,
    });
    if (!isReported) report(vin);
    if (isLogged) return;
    log.warn({ vin, bytes_per_minute: bytesPerMinute, remedy: 'VEHICLE_BYTES_PER_MINUTE' }, 'vehicle_bytes_limited');
  }

  /** Forgets vehicles that carry no information. */
  cleanup(isConnected: (vin: string) => boolean): void {
    const nowMs = this.#options.monotonicNow();
    this.#buckets.deleteFull(nowMs, isConnected);
    for (const [vin, { pausedMs }] of this.#limited) if (nowMs - pausedMs > LOG_EVERY_MS) this.#limited.delete(vin);
  }
}

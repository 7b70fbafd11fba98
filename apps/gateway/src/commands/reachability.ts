// Whether a vehicle can be reached: by telemetry, corrected by what Tesla answered last. Telemetry can be broken, and a
// connection that ends without notice is known to be lost only after minutes.
import { BoundedMap } from '@fleetbridge/access';
import type { Moment, TelemetryView } from './telemetry-view.js';

export interface Reachability {
  /** Answered with 408 without a call. */
  isAway(vin: string): Promise<boolean>;
  /** By telemetry, and Tesla has not called it offline since. */
  isConnected(vin: string): Promise<boolean>;
  /** Tesla has called it online. */
  noteOnline(vin: string): void;
  /** Tesla has called it offline. `sent`: before it was asked. */
  noteOffline(vin: string, sent: Moment): void;
}

export interface ReachabilityOptions {
  telemetry: Pick<TelemetryView, 'isConnected' | 'isAway'>;
  monotonicMs: () => number;
}

/** A vehicle that Tesla calls online is asked, connected or not. */
const ONLINE_FOR_MS = 300_000;
const MAX_VEHICLES = 1_000;

/** Promises reject when Redis does not answer. */
export function createReachability({ telemetry, monotonicMs }: ReachabilityOptions): Reachability {
  const onlineMs = new BoundedMap<number>({ maxKeys: MAX_VEHICLES });
  const offline = new BoundedMap<Moment>({ maxKeys: MAX_VEHICLES });
  return {
    async isAway(vin) {
      const sinceMs = onlineMs.get(vin);
      if (sinceMs !== undefined && monotonicMs() - sinceMs < ONLINE_FOR_MS) return false;
      return await telemetry.isAway(vin);
    },
    isConnected: (vin) => telemetry.isConnected(vin, offline.get(vin)),
    noteOnline(vin) {
      onlineMs.set(vin, monotonicMs());
      offline.delete(vin);
    },
    noteOffline(vin, sent) {
      offline.set(vin, sent);
    },
  };
}

// A lane is the queue of one vehicle in a partition of a subscription.
import type { LogEntry } from '@fleetbridge/store';

/** One entry that is not delivered yet. */
export interface Outstanding {
  readonly id: string;
  readonly vin: string;
  /** Undefined while only the id is in memory. */
  entry: LogEntry | undefined;
  /** How often the endpoint has rejected it. */
  rejections: number;
  /** Id of the dead letter, if the entry is one that is delivered again. */
  readonly deadLetter?: string;
}

export interface LaneLimits {
  /** Concurrent sends. */
  inFlight: number;
  /** Records in memory, and the bytes of their payloads. */
  records: number;
  bytes: number;
  /** Ids in memory. */
  ids: number;
}

export const LANE_LIMITS: LaneLimits = { inFlight: 100, records: 1_000, bytes: 16_000_000, ids: 100_000 };

export interface Lane {
  vin: string;
  queue: Outstanding[];
  /** Index of the queue's head; entries before it are settled. */
  head: number;
  state: 'idle' | 'ready' | 'waiting' | 'loading' | 'in_flight';
  /** Consecutive failures. */
  failures: number;
  retryAtMs: number;
  /** While loading: the number of records requested, from the head. */
  loads: number;
  /** Its records in memory. */
  records: number;
}

export function emptyLane(vin: string): Lane {
  return { vin, queue: [], head: 0, state: 'idle', failures: 0, retryAtMs: 0, loads: 0, records: 0 };
}

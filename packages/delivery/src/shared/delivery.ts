// The interface of a delivery: it sends one record and reports the outcome. The dispatcher decides when to send, what to
// repeat and what to give up, so a delivery must never resend on its own.
import type { SignalValue } from '@fleetbridge/protocol';
import type { LogEntry } from '@fleetbridge/store';

export type DeliveryOutcome =
  /** The endpoint has acknowledged the record. */
  | { kind: 'delivered' }
  /** The endpoint refuses this record, or it can't be converted to the required form. */
  | { kind: 'rejected'; error: string }
  /**
   * The endpoint can't be reached, is overloaded or fails, as far as the delivery knows whatever the record. The dispatcher
   * finds out whether it fails for some vehicles only, unless the endpoint limits the rate. `isCollateral`: the failure of
   * another record ended this attempt.
   */
  | { kind: 'away'; error: string; retryAfterMs?: number; isRateLimited?: boolean; isCollateral?: boolean };

export interface Delivery {
  /** The endpoint keeps the last value of each name: an older one must not replace it. Gives records `isOutdated`. */
  readonly keepsLastValues?: boolean;
  /** Called once, when the first record may be sent. Only for a delivery that has work without records. */
  start?(work: DeliveryWork): void;
  /** Resolves within the deadline; never rejects. Called for one record per VIN at a time. */
  deliver(record: OutgoingRecord): Promise<DeliveryOutcome>;
  /** Closes connections; sends in flight may fail. */
  stop(): Promise<void> | void;
}

export interface DeliveryWork {
  isLeaseHeld: () => boolean;
  /** What is known of the vehicles of this partition that the subscription admits. */
  knownVehicles: () => AsyncIterable<KnownVehicle>;
}

/** The newest readings of a vehicle, without those of records that are still to be delivered. */
export interface KnownVehicle {
  vin: string;
  /** By name of the signal, as the vehicle sent them. */
  readings: ReadonlyMap<string, SignalValue>;
  connectivity?: { isConnected: boolean; connectionId: string; timeMs: number } | undefined;
}

export interface OutgoingRecord {
  entry: LogEntry;
  /** `<partition>-<entry id>`: unique per log, the same for every repeat. */
  messageId: string;
  /** Check again after every wait, such as for a connection: without the lease another dispatcher may already send. */
  isLeaseHeld: () => boolean;
  /**
   * Whether the endpoint has a newer value of this name: a signal, `@connectivity` or, for anything else, a topic. Asked
   * for each name that is delivered. Absent unless `keepsLastValues`.
   */
  isOutdated?: (name: string) => boolean;
}

/** Throws if the lease expired during a wait. */
export function assertHeld({ isLeaseHeld }: Pick<OutgoingRecord, 'isLeaseHeld'>): void {
  if (!isLeaseHeld()) throw new Error('the lease expired before the record could be sent');
}

export const DELIVERED: DeliveryOutcome = { kind: 'delivered' };

export function rejected(error: unknown): DeliveryOutcome {
  return { kind: 'rejected', error: messageOf(error) };
}

export function away(error: unknown, retryAfterMs?: number): DeliveryOutcome & { kind: 'away' } {
  return { kind: 'away', error: messageOf(error), ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/** A refused connection to a name with two addresses has a code but no message. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || (error as NodeJS.ErrnoException).code || error.name;
}

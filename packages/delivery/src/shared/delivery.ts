// What a way out of the log has to be able to do: send one record and say what became of it. When to send, what to
// repeat and what to give up is decided elsewhere (subscription/), so a delivery must not resend anything by itself.
import type { LogEntry } from '@fleetbridge/store';

export type DeliveryOutcome =
  /** The other end has taken it over. */
  | { kind: 'delivered' }
  /** The other end does not want this record, or it can't be put into the form that is asked for. */
  | { kind: 'rejected'; error: string }
  /** The other end can't be reached, is overloaded or fails: nothing that speaks against the record. */
  | { kind: 'away'; error: string; retryAfterMs?: number };

export interface Delivery {
  /** Resolves within the deadline; never rejects. Records of one VIN come one after the other. */
  deliver(record: OutgoingRecord): Promise<DeliveryOutcome>;
  /** Ends connections; what is under way may fail. */
  stop(): Promise<void> | void;
}

export interface OutgoingRecord {
  entry: LogEntry;
  /** `<partition>-<entry id>`: unique in a log, the same for every repeat. */
  messageId: string;
  /** To be asked again after whatever had to be waited for, such as a connection: a late send is somebody else's. */
  isLeaseHeld: () => boolean;
}

/** Throws when the lease has ended while something else was waited for. */
export function assertHeld({ isLeaseHeld }: Pick<OutgoingRecord, 'isLeaseHeld'>): void {
  if (!isLeaseHeld()) throw new Error('the lease ended before it could be sent');
}

export const DELIVERED: DeliveryOutcome = { kind: 'delivered' };

export function rejected(error: unknown): DeliveryOutcome {
  return { kind: 'rejected', error: messageOf(error) };
}

export function away(error: unknown, retryAfterMs?: number): DeliveryOutcome {
  return { kind: 'away', error: messageOf(error), ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/** Of a refused connection to a name with two addresses there is only a code. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || (error as NodeJS.ErrnoException).code || error.name;
}

// The time of a record, from three clocks: that of the vehicle, that of this server and that of the log, whose entry ids
// never go back. Merges, frames and deliveries are ordered by the reported time.
import { entryMs } from '../ids/index.js';

const EARLIEST_MS = Date.UTC(2015, 0, 1);
const TOLERATED_AHEAD_MS = 60_000;

export interface RecordTime {
  /** As the vehicle claims, which can be later than the receive time. */
  ms: number;
  /** More than a minute later than the receive time: the clock of the vehicle is ahead, or that of this server behind. */
  isClockAhead: boolean;
  /** From the payload, so a resent record has the same time. The envelope's time may be that of sending. */
  isOwn: boolean;
}

/**
 * The payload's created_at; the envelope's if that is absent or before 2015; else the receive time. `payloadMs` and
 * `receivedMs` are epoch milliseconds, `envelopeSeconds` epoch seconds; 0 = absent.
 */
export function recordTime(payloadMs: number, envelopeSeconds: number, receivedMs: number): RecordTime {
  const ms = payloadMs >= EARLIEST_MS ? payloadMs : envelopeSeconds * 1000;
  if (ms < EARLIEST_MS) return { ms: receivedMs, isClockAhead: false, isOwn: false };
  const isClockAhead = ms > receivedMs + TOLERATED_AHEAD_MS;
  return { ms, isClockAhead, isOwn: payloadMs >= EARLIEST_MS && !isClockAhead };
}

/**
 * The time that all outputs report: that of the record, but not later than its receive time, which is that of the entry
 * id. So a vehicle with a fast clock can't exclude what follows. `isLogClockBehind`: the clock of Redis was behind when the
 * entry was appended, so the id is older than the record and the vehicle's time is used.
 */
export function reportedMs(entryId: string, createdMs: number, isLogClockBehind: boolean): number {
  if (isLogClockBehind) return createdMs;
  const receivedMs = entryMs(entryId);
  return createdMs > receivedMs ? receivedMs : createdMs;
}

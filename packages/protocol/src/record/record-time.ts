// The time of a record, from three clocks of which two can be wrong. Merges and frames are ordered by it.

const EARLIEST_MS = Date.UTC(2015, 0, 1);
const TOLERATED_AHEAD_MS = 60_000;

export interface RecordTime {
  ms: number;
  /** The vehicle's clock is more than a minute ahead, so `ms` is the receive time. */
  isClockAhead: boolean;
  /** From the payload, so a resent record has the same time. The envelope's time may be that of sending. */
  isOwn: boolean;
}

/**
 * The payload's created_at; the envelope's if that is absent or before 2015; else the receive time. A time more than 60 s
 * ahead of the receive time counts as a wrong clock. `payloadMs` and `receivedMs` are epoch milliseconds,
 * `envelopeSeconds` epoch seconds; 0 = absent.
 */
export function recordTime(payloadMs: number, envelopeSeconds: number, receivedMs: number): RecordTime {
  const claimed = payloadMs >= EARLIEST_MS ? payloadMs : envelopeSeconds * 1000;
  if (claimed < EARLIEST_MS) return { ms: receivedMs, isClockAhead: false, isOwn: false };
  if (claimed > receivedMs + TOLERATED_AHEAD_MS) return { ms: receivedMs, isClockAhead: true, isOwn: false };
  return { ms: claimed, isClockAhead: false, isOwn: payloadMs >= EARLIEST_MS };
}

// When a record was made, from three clocks of which two can be wrong. Merges and frames go by this time.

const EARLIEST_MS = Date.UTC(2015, 0, 1);
const TOLERATED_AHEAD_MS = 60_000;

export interface RecordTime {
  ms: number;
  /** The vehicle's clock ran more than a minute ahead, so the receive time stands in. */
  isClockAhead: boolean;
  /** Of the payload: the same record has it again when it is sent again. The envelope's may be that of sending it. */
  isOwn: boolean;
}

/**
 * The payload's created_at; if that is absent or before 2015 the envelope's; else the time of receipt. A time more
 * than 60 s ahead of receipt is taken for a wrong clock. `payloadMs` and `receivedMs` are epoch milliseconds,
 * `envelopeSeconds` epoch seconds; 0 = absent.
 */
export function recordTime(payloadMs: number, envelopeSeconds: number, receivedMs: number): RecordTime {
  const claimed = payloadMs >= EARLIEST_MS ? payloadMs : envelopeSeconds * 1000;
  if (claimed < EARLIEST_MS) return { ms: receivedMs, isClockAhead: false, isOwn: false };
  if (claimed > receivedMs + TOLERATED_AHEAD_MS) return { ms: receivedMs, isClockAhead: true, isOwn: false };
  return { ms: claimed, isClockAhead: false, isOwn: payloadMs >= EARLIEST_MS };
}

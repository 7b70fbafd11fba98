// Verdict on the records of one vehicle. A parked vehicle sleeps and sends nothing for days, so Tesla's state of it decides.
import { green, type Verdict } from './finding.js';
import { problem } from './problems.js';
import { durationText } from './text.js';

export interface RecordFacts {
  readonly nowMs: number;
  readonly connectedSinceMs: number | undefined;
  readonly lastRecordMs: number | undefined;
  /** online, asleep or offline at Tesla; undefined: not known. */
  readonly state: string | undefined;
}

/** A vehicle that has just become online needs some minutes. */
const SILENT_MS = 15 * 60_000;
/** With resend intervals of 300 s a connected vehicle sends within minutes. */
const CONNECTED_MS = 3_600_000;
const QUIET_MS = 3 * 86_400_000;

export function recordsVerdict({ nowMs, connectedSinceMs, lastRecordMs, state }: RecordFacts): Verdict {
  const isOnline = state === 'online';
  if (lastRecordMs === undefined) {
    return problem(isOnline ? 'vehicle_silent' : 'vehicle_never_sent', isOnline ? '(never sent one)' : '');
  }
  const ageMs = nowMs - lastRecordMs;
  const last = `last record ${durationText(ageMs)} ago`;
  if (connectedSinceMs !== undefined) {
    return ageMs > CONNECTED_MS ? problem('vehicle_quiet', `(connected, ${last})`) : green(`connected, ${last}`);
  }
  if (isOnline && ageMs > SILENT_MS) return problem('vehicle_silent', `(${last})`);
  if (state === undefined && ageMs > QUIET_MS) return problem('vehicle_quiet', `(${last})`);
  return green(state === undefined || isOnline ? `not connected, ${last}` : `${state} at Tesla, ${last}`);
}

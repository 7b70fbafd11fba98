// Which firmware a vehicle has shown. What a vehicle does with keys or signals that its firmware lacks is not documented,
// so they are sent only to vehicles that have shown a firmware with them.
import { signalFacts } from './catalogue.js';

/** The oldest firmware that sends telemetry. */
export const FIRST_FIRMWARE = '2024.26';
/** Before this firmware, the signal Version named the available update, or was blank. */
const VERSION_SIGNAL_TRUSTED = '2024.44.25';

export interface ShownBy {
  /** From Tesla's fleet_status, valid for every firmware. */
  fleetStatus?: string;
  /** The value of the signal Version. */
  versionSignal?: string;
  /** Names of signals that the vehicle has sent. */
  signals?: Iterable<string>;
}

/** The newest firmware that one of these proves. */
export function shownFirmware({ fleetStatus, versionSignal, signals = [] }: ShownBy): string {
  const proven = [FIRST_FIRMWARE];
  const reported = numberOf(fleetStatus);
  if (reported !== undefined) proven.push(reported);
  const sent = numberOf(versionSignal);
  if (sent !== undefined && atLeast(sent, VERSION_SIGNAL_TRUSTED)) proven.push(sent);
  for (const name of signals) {
    const since = signalFacts(name)?.firmware;
    if (since !== undefined) proven.push(since);
  }
  return proven.reduce((newest, version) => (atLeast(version, newest) ? version : newest));
}

/** Compares number by number: 2024.44.25 is older than 2025.2. */
export function atLeast(version: string, floor: string): boolean {
  const have = version.split('.').map(Number);
  const want = floor.split('.').map(Number);
  for (let at = 0; at < Math.max(have.length, want.length); at++) {
    const difference = (have[at] ?? 0) - (want[at] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** `2026.20.6` of `2026.20.6 abcdef123456`. */
function numberOf(text: string | undefined): string | undefined {
  return /^\s*(\d{4}(?:\.\d+){1,4})/.exec(text ?? '')?.[1];
}

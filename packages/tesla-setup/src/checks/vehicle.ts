// Verdicts on one vehicle: what Tesla knows of it.
import {
  type ConfigurationState,
  problemOfState,
  type TelemetryReport,
  type VehicleStatus,
} from '@fleetbridge/fleet-api';
import {
  atLeast,
  diffConfigurations,
  FIRST_FIRMWARE,
  type TelemetryConfiguration,
} from '@fleetbridge/telemetry-config';
import { green, notChecked, type Verdict } from './finding.js';
import { problem } from './problems.js';
import { teslaVerdict } from './tesla-problem.js';
import { durationText } from './text.js';

export function pairingVerdict({ isKeyPaired, keys }: VehicleStatus): Verdict {
  if (!isKeyPaired) return teslaVerdict('missing_key');
  return green(keys === undefined ? 'paired' : `paired, ${keys} keys`);
}

export function firmwareVerdict({ firmware }: VehicleStatus): Verdict {
  const version = /^\s*(\d{4}(?:\.\d+)+)/.exec(firmware ?? '')?.[1];
  if (version === undefined) return notChecked('Tesla does not name the firmware');
  return atLeast(version, FIRST_FIRMWARE) ? green(version) : teslaVerdict('unsupported_firmware', `(${version})`);
}

export function toggleVerdict({ isStreamingAllowed }: VehicleStatus): Verdict {
  if (isStreamingAllowed === false) return teslaVerdict('streaming_toggle_off');
  return green(isStreamingAllowed === true ? 'allowed' : 'this vehicle has no switch for it');
}

export interface ConfigurationFacts {
  /** At Tesla. */
  readonly state: ConfigurationState;
  /** Sent from here; undefined: nothing was. */
  readonly sent: TelemetryConfiguration | undefined;
  readonly nowMs: number;
  /** The watch of the gateway does not send it again, after a limit of Tesla. */
  readonly isWatchStopped?: boolean | undefined;
}

export function configurationVerdict(facts: ConfigurationFacts): Verdict {
  const { state, sent, nowMs, isWatchStopped } = facts;
  const found = problemOfState(state);
  // pairing is a check of its own
  if (found !== undefined && found !== 'missing_key') return teslaVerdict(found);
  if (state.config === undefined) return problem('configuration_missing');
  if (!state.synced) return problem('configuration_waiting');
  if (sent === undefined) return green('synced; it was not sent from here');
  const stored = state.config as Partial<TelemetryConfiguration>;
  const differences = diffConfigurations(sent, stored, { nowSeconds: Math.floor(nowMs / 1_000), renewSeconds: 0 });
  if (differences.length === 0) {
    return isWatchStopped === true ? problem('watch_stopped') : green('synced, and equal to what was sent');
  }
  const paths = differences.slice(0, 3).map(({ path }) => path);
  const more = differences.length > paths.length ? ` and ${differences.length - paths.length} more` : '';
  return problem('configuration_differs', `(${paths.join(', ')}${more})`);
}

const REPORT_MS = 86_400_000;

export interface ReportFacts {
  /** Of this vehicle. */
  readonly reports: readonly TelemetryReport[];
  readonly nowMs: number;
  /** When the configuration was sent: what was reported before is history. */
  readonly sentMs: number | undefined;
  readonly lastRecordMs: number | undefined;
}

/** The latest one decides. */
export function reportsVerdict({ reports, nowMs, sentMs = 0, lastRecordMs = 0 }: ReportFacts): Verdict {
  const recent = reports
    .map((report) => ({ report, atMs: Date.parse(report.createdAt ?? '') }))
    .filter(({ atMs }) => Number.isNaN(atMs) || (atMs > nowMs - REPORT_MS && atMs >= sentMs))
    .sort((one, other) => (other.atMs || 0) - (one.atMs || 0));
  const [last] = recent;
  if (last === undefined) return green('nothing reported within a day');
  const { report, atMs } = last;
  const when = Number.isNaN(atMs) ? '' : `, ${durationText(nowMs - atMs)} ago`;
  const detail = `(${report.error || report.errorName}${when})`;
  if (lastRecordMs > atMs) return problem('vehicle_report_old', detail);
  return report.problem === undefined ? problem('vehicle_reported', detail) : teslaVerdict(report.problem, detail);
}

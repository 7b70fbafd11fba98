// vehicle_state.software_update of the vehicle_data document. TeslaMate records an update from `installing` to an empty
// status, and crashes when `installing` is followed by `available`.

import { correctedValue } from '../corrected-value.js';
import { booleanOf } from '../signal-reading.js';
import type { Facts, Row } from './field.js';
import { scheduledSeconds } from './scheduled-time.js';
import { derived, firstNumber, from, number, textOf } from './sources.js';

export type UpdateStatus = '' | 'available' | 'scheduled' | 'downloading' | 'installing';

const SIGNALS = [
  'SoftwareUpdateVersion',
  'SoftwareUpdateDownloadPercentComplete',
  'SoftwareUpdateInstallationPercentComplete',
  'SoftwareUpdateScheduledStartTime',
  'SoftwareUpdateAvailable',
  'SoftwareUpdateInProgress',
  'Version',
];

export const softwareUpdate: readonly Row[] = [
  ['download_perc', 'integer', number('SoftwareUpdateDownloadPercentComplete'), { otherwise: 0 }],
  ['expected_duration_sec', 'integer', expectedSeconds(), { otherwise: 2700 }],
  ['install_perc', 'integer', number('SoftwareUpdateInstallationPercentComplete'), { otherwise: 1 }],
  ['scheduled_time_ms', 'integer', scheduledMs(), { isOptional: true }],
  ['status', 'text', derived(SIGNALS, updateStatus), { otherwise: '' }],
  [
    'version',
    'text',
    from(['SoftwareUpdateVersion'], ({ state }) => textOf(state, 'SoftwareUpdateVersion')),
    { otherwise: ' ' },
  ],
];

/**
 * From the percentages, or directly from the signals of firmware 2026.32. A version that is already installed is no
 * update: vehicles keep the last SoftwareUpdateVersion.
 */
export function updateStatus(facts: Facts): UpdateStatus {
  const version = textOf(facts.state, 'SoftwareUpdateVersion');
  const installed = textOf(facts.state, 'Version');
  if (version !== undefined && installed?.split(' ')[0] === version.split(' ')[0]) return '';
  const installPercent = firstNumber(facts, ['SoftwareUpdateInstallationPercentComplete']) ?? 0;
  if (installPercent >= 100) return '';
  if (installPercent > 1 || isSet(facts, 'SoftwareUpdateInProgress')) return 'installing';
  const downloadPercent = firstNumber(facts, ['SoftwareUpdateDownloadPercentComplete']) ?? 0;
  if (downloadPercent > 0 && downloadPercent < 100) return 'downloading';
  if (version === undefined && !isSet(facts, 'SoftwareUpdateAvailable')) return '';
  return isScheduled(facts) ? 'scheduled' : 'available';
}

function isScheduled(facts: Facts): boolean {
  const seconds = scheduledSeconds('SoftwareUpdateScheduledStartTime').read(facts);
  return typeof seconds === 'number' && seconds * 1000 > facts.nowMs;
}

function isSet({ state }: Facts, name: string): boolean {
  return booleanOf(correctedValue(state, name)) === true;
}

function expectedSeconds() {
  return from(['SoftwareUpdateExpectedDurationMinutes'], (facts) => {
    const minutes = firstNumber(facts, ['SoftwareUpdateExpectedDurationMinutes']);
    return minutes === undefined ? undefined : minutes * 60;
  });
}

function scheduledMs() {
  const source = scheduledSeconds('SoftwareUpdateScheduledStartTime');
  return derived(source.signals, (facts) => {
    const seconds = source.read(facts);
    return typeof seconds === 'number' && seconds * 1000 > facts.nowMs ? seconds * 1000 : undefined;
  });
}

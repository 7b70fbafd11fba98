import { signalNames } from '@fleetbridge/protocol';
import { expect, it } from 'vitest';
import { atLeast, shownFirmware, signalCatalogue, signalFacts } from './index.js';

it('has every signal of the schema, and no other', () => {
  const requestable = [...signalNames.values()].filter(
    (name) => !/^(Unknown|Deprecated_\d+|Experimental_\d+)$/.test(name),
  );
  expect([...signalCatalogue.keys()].sort()).toEqual(requestable.sort());
});

it('knows category, type, unit, firmware and REST fields', () => {
  expect(signalFacts('ChargerVoltage')).toEqual({
    name: 'ChargerVoltage',
    category: 'charging',
    type: 'real',
    unit: 'V',
    firmware: '2024.44.32',
    rest: ['charge_state.charger_voltage'],
  });
  expect(signalFacts('Location')?.rest).toEqual(['drive_state.latitude', 'drive_state.longitude']);
});

it('has a number for every signal with a unit', () => {
  const others = [...signalCatalogue.values()].filter(({ unit, type }) => unit && !['real', 'integer'].includes(type));
  expect(others).toEqual([]);
});

it('compares versions number by number', () => {
  expect(atLeast('2025.2', '2024.44.25')).toBe(true);
  expect(atLeast('2024.44.3', '2024.44.25')).toBe(false);
  expect(atLeast('2025.2', '2025.2.0')).toBe(true);
});

it('takes as shown what Tesla reports, a trusted Version, and signals that a release added', () => {
  expect(shownFirmware({})).toBe('2024.26');
  expect(shownFirmware({ fleetStatus: '2026.20.6 abcdef' })).toBe('2026.20.6');
  expect(shownFirmware({ versionSignal: '2024.38.4', signals: ['Soc'] })).toBe('2024.26');
  expect(shownFirmware({ versionSignal: '2025.8 abc', signals: ['Soc', 'GpsAccuracyMeters'] })).toBe('2026.32');
  expect(shownFirmware({ versionSignal: ' ' })).toBe('2024.26');
});

import { expect, it } from 'vitest';
import { stateWith } from '../../test/vehicle-records.js';
import { fieldCoverage } from './coverage.js';

const VIN = '5YJ3E1EA7KF000001';

it('lists for each field where it comes from and how old it is', () => {
  const state = stateWith({ BatteryLevel: 80, Trim: 'LR' }, 5_000);
  const coverage = fieldCoverage({
    state,
    seed: { vin: VIN, sections: { vehicle_config: { plg: true } } },
    nowMs: 6_000,
  });
  const of = (name: string) => coverage.find(({ field }) => field === name);
  expect(of('battery_level')).toEqual({
    section: 'charge_state',
    field: 'battery_level',
    origin: 'telemetry',
    signals: ['BatteryLevel', 'Soc'],
    time: '1970-01-01T00:00:05.000Z',
  });
  expect(of('trim_badging')).toMatchObject({ origin: 'derived', time: '1970-01-01T00:00:05.000Z' });
  expect(of('plg')).toMatchObject({ origin: 'seed', signals: [] });
  expect(of('charge_limit_soc_max')).toMatchObject({ origin: 'default' });
  expect(of('inside_temp')).toMatchObject({ origin: 'missing', time: null, loses: 'inside temperature' });
});

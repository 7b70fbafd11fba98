// Each row of these tables is a line of docs/protocol/teslamate.md#columns.
import { describe, expect, it } from 'vitest';
import { type Signals, stateAfter, stateWith, vehicleRecord } from '../test/vehicle-records.js';
import { columnText, frameColumns } from './frame-columns.js';

function column(name: string, signals: Signals): string {
  return columnText(frameColumns.find((each) => each.name === name)!, stateWith(signals), 1_000);
}

it('has the thirteen columns in the order of the Owner API', () => {
  expect(frameColumns.map(({ name }) => name).join(',')).toBe(
    'time,speed,odometer,soc,elevation,est_heading,est_lat,est_lng,power,shift_state,range,est_range,heading',
  );
});

it.each<[string, Signals, string]>([
  ['speed', { VehicleSpeed: 30.5 }, '31'],
  ['speed', { VehicleSpeed: 30.4 }, '30'],
  ['speed', { VehicleSpeed: '30.7' }, '31'],
  ['speed', { VehicleSpeed: 0 }, '0'],
  ['speed', { VehicleSpeed: 0, Gear: 'P' }, '0'],
  ['speed', { VehicleSpeed: -0.2 }, '0'],
  ['speed', { VehicleSpeed: null, Gear: 'P' }, ''],
  ['speed', { Gear: 'P' }, ''],
  ['speed', { VehicleSpeed: 1e21 }, ''],
  ['odometer', { Odometer: 12345.678 }, '12345.678'],
  ['odometer', { Odometer: '12345.60' }, '12345.6'],
  ['odometer', { Odometer: 0 }, '0'],
  ['odometer', { Odometer: 48 }, '48'],
  ['odometer', { Odometer: 1e-7 }, '0'],
  ['odometer', { Odometer: 1e-6 }, '0.000001'],
  ['odometer', { Odometer: 1e22 }, ''],
  ['odometer', { Odometer: null }, ''],
  ['soc', { Soc: 81.2, BatteryLevel: 83 }, '83'],
  ['soc', { Soc: 81.2 }, '81'],
  ['soc', { Soc: 81.2, BatteryLevel: null }, '81'],
  ['soc', { BatteryLevel: 82.7 }, '83'],
  ['soc', { Soc: null, BatteryLevel: 82.7 }, '83'],
  ['soc', { Soc: 3, BatteryLevel: 0 }, '0'],
  ['soc', {}, ''],
  ['elevation', {}, ''],
  ['range', { RatedRange: 210.5 }, '211'],
  ['range', { EstBatteryRange: 190 }, ''],
  ['est_range', { EstBatteryRange: '189.6' }, '190'],
  ['est_range', { RatedRange: 210 }, ''],
  ['range', { RatedRange: 999 }, ''],
  ['range', { RatedRange: '999.0' }, ''],
  ['range', { RatedRange: '"999"' }, ''],
  ['range', { RatedRange: { floatValue: 999 } }, ''],
  ['range', { RatedRange: 998.4 }, '998'],
  ['est_range', { EstBatteryRange: 999 }, ''],
  ['odometer', { Odometer: 999 }, '999'],
  ['odometer', { Odometer: { floatValue: 30492.8 } }, '30492.8'],
  ['est_lat', { Location: { latitude: 48, longitude: 11 } }, '48'],
  ['est_lat', { Location: { latitude: -37.4123744, longitude: 11 } }, '-37.412374'],
  ['est_lat', { Location: { latitude: 0, longitude: 11 } }, '0'],
  ['est_lat', { Location: { latitude: 0, longitude: 0 } }, ''],
  ['est_lng', { Location: { latitude: 0, longitude: 0 } }, ''],
  ['est_lat', { Location: '(0.000000 N, 0.000000 E)' }, ''],
  ['est_lat', { Location: { locationValue: {} } as never }, ''],
  ['est_lat', { Location: { latitude: 90.1, longitude: 0 } }, ''],
  ['est_lng', { Location: '(37.412374 N, 122.145867 W)' }, '-122.145867'],
  ['est_lng', { Location: { latitude: 51, longitude: -1e-7 } }, '0'],
  ['est_lng', { Location: { latitude: 51, longitude: 0.0000012 } }, '0.000001'],
  ['est_lng', { Location: { latitude: Number.NaN, longitude: 11 } }, ''],
])('%s of %j is "%s"', (name, signals, text) => {
  expect(column(name, signals)).toBe(text);
});

it.each([
  [0, '0'],
  [359.4, '359'],
  [359.7, '0'],
  [360, '0'],
  [-10, '350'],
  [-0.2, '0'],
  [725.2, '5'],
  [null, ''],
])('heading %s is "%s" in both of its columns', (degrees, text) => {
  expect(column('est_heading', { GpsHeading: degrees })).toBe(text);
  expect(column('heading', { GpsHeading: degrees })).toBe(text);
});

describe('shift_state', () => {
  it.each<[Signals, string]>([
    [{ Gear: { shiftStateValue: 2 } }, 'P'],
    [{ Gear: { shiftStateValue: 3 } }, 'R'],
    [{ Gear: { shiftStateValue: 4 } }, 'N'],
    [{ Gear: { shiftStateValue: 5 } }, 'D'],
    [{ Gear: 'ShiftStateD' }, 'D'],
    [{ Gear: 'R' }, 'R'],
    [{ Gear: { shiftStateValue: 0 } }, ''],
    [{ Gear: { shiftStateValue: 1 } }, ''],
    [{ Gear: { shiftStateValue: 6 } }, ''],
    [{ Gear: { shiftStateValue: 99 as 6 } }, ''],
    [{ Gear: 'SNA' }, ''],
    [{ Gear: 'Invalid' }, ''],
    [{ Gear: '' }, ''],
    [{ Gear: null }, ''],
    [{}, ''],
  ])('of %j is "%s"', (signals, text) => {
    expect(column('shift_state', signals)).toBe(text);
  });

  it.each<[string, Signals, string]>([
    ['typed Charging', { DetailedChargeState: { detailedChargeStateValue: 4 } }, ''],
    ['typed Starting', { DetailedChargeState: { detailedChargeStateValue: 3 } }, ''],
    ['text Charging', { DetailedChargeState: 'Charging' }, ''],
    ['only the old signal', { ChargeState: 'Charging' }, ''],
    ['typed, only the old signal', { ChargeState: { chargingValue: 3 } }, ''],
    ['detail invalid, old signal charging', { DetailedChargeState: null, ChargeState: 'Charging' }, ''],
    ['detail unknown, old signal charging', { DetailedChargeState: 'Unknown', ChargeState: 'Charging' }, ''],
    ['detail knows better', { DetailedChargeState: 'Complete', ChargeState: 'Charging' }, 'P'],
    ['Complete', { DetailedChargeState: 'Complete' }, 'P'],
    ['Stopped', { DetailedChargeState: 'Stopped' }, 'P'],
    ['NoPower', { DetailedChargeState: 'NoPower' }, 'P'],
    ['Disconnected', { DetailedChargeState: 'Disconnected' }, 'P'],
  ])('in P with a charge (%s) %j is "%s"', (_, signals, text) => {
    expect(column('shift_state', { Gear: 'P', ...signals })).toBe(text);
  });

  const oldWords = ['Idle', 'QualifyLineConfig', 'Startup', 'Enable', 'Shutdown', 'ClearFaults', 'SystemConfig'];
  it.each(oldWords)("with the charger's state %s is empty, and power negative, while power flows in", (word) => {
    const charging: Signals[] = [
      { ACChargingPower: '11.000' },
      { DCChargingPower: 50 },
      { ACChargingPower: '"7.2"' },
      { PackVoltage: 400, PackCurrent: 20 },
    ];
    for (const flow of charging) {
      for (const ChargeState of [word, `"${word}"`]) {
        const signals = { Gear: 'P', ChargeState, ...flow };
        expect(column('shift_state', signals)).toBe('');
        expect(Number(column('power', signals))).toBeLessThan(0);
      }
    }
    const still: Signals[] = [
      {},
      { ACChargingPower: 0 },
      { PackVoltage: 400, PackCurrent: -2 },
      { ACChargingPower: null },
    ];
    for (const flow of still) {
      expect(column('shift_state', { Gear: 'P', ChargeState: word, ...flow })).toBe('P');
    }
    expect(column('shift_state', { Gear: 'D', ChargeState: word, ACChargingPower: 11 })).toBe('D');
    const detailed = { Gear: 'P', ChargeState: word, DetailedChargeState: 'Complete', ACChargingPower: 11 };
    expect(column('shift_state', detailed)).toBe('P');
  });

  it('is P after a drive that ended with regeneration, while the charger is idle', () => {
    const drive = vehicleRecord(1_000, { Gear: 'D', ChargeState: 'Idle', PackVoltage: 400, PackCurrent: 60 });
    const state = stateAfter(drive, vehicleRecord(2_000, { Gear: 'P' }));
    expect(columnText(frameColumns.find(({ name }) => name === 'shift_state')!, state, 2_000)).toBe('P');
  });

  it.each(['D', 'R', 'N'])('stays %s with a stale charge state', (gear) => {
    expect(column('shift_state', { Gear: gear, DetailedChargeState: 'Charging' })).toBe(gear);
  });
});

describe('power', () => {
  it.each<[string, Signals, string]>([
    ['driving: the pack discharges', { Gear: 'D', PackVoltage: 380, PackCurrent: -100 }, '38'],
    ['driving: regeneration', { Gear: 'D', PackVoltage: '380', PackCurrent: '50.5' }, '-19'],
    ['driving: coasting', { Gear: 'D', PackVoltage: 380, PackCurrent: 0 }, '0'],
    ['driving: a little regeneration', { Gear: 'D', PackVoltage: 380, PackCurrent: 0.7 }, '0'],
    ['driving: current unknown', { Gear: 'D', PackVoltage: 380 }, ''],
    ['driving: current invalid', { Gear: 'R', PackVoltage: 380, PackCurrent: null }, ''],
    ['driving: voltage unknown', { Gear: 'N', PackCurrent: 5 }, ''],
    ['driving with a stale charge', { Gear: 'D', DetailedChargeState: 'Charging', ACChargingPower: 7 }, ''],
    ['parked: the small draw of #337', { Gear: 'P', PackVoltage: 382, PackCurrent: -0.7 }, '0'],
    ['parked: heating', { Gear: 'P', PackVoltage: 400, PackCurrent: -12 }, '5'],
    ['parked: pack unknown', { Gear: 'P' }, '0'],
    ['parked: pack invalid', { Gear: 'P', PackVoltage: null, PackCurrent: null }, '0'],
    ['parked: pack nonsense', { Gear: 'P', PackVoltage: 1e200, PackCurrent: 1e200 }, '0'],
    ['parked: not charging any more', { Gear: 'P', DetailedChargeState: 'Complete', ACChargingPower: 7 }, '0'],
    ['gear unknown, not charging', { Gear: null }, '0'],
    ['gear not available, not charging', { Gear: 'SNA', PackVoltage: 400, PackCurrent: -12 }, '5'],
    ['charging: AC', { Gear: 'P', DetailedChargeState: 'Charging', ACChargingPower: 10.6, DCChargingPower: 0 }, '-11'],
    [
      'charging: DC',
      { Gear: 'P', DetailedChargeState: 'Charging', ACChargingPower: 0, DCChargingPower: 121.4 },
      '-121',
    ],
    ['charging: half a kW, as REST rounds it', { ChargeState: 'Charging', ACChargingPower: 7.5 }, '-8'],
    ['charging: text', { DetailedChargeState: 'Starting', ACChargingPower: '7.2' }, '-7'],
    ['charging: only DC known', { DetailedChargeState: 'Charging', DCChargingPower: 50 }, '-50'],
    ['charging: AC invalid', { DetailedChargeState: 'Charging', ACChargingPower: null, DCChargingPower: 50 }, '-50'],
    ['charging: the charger before the pack', charging({ ACChargingPower: 11, ...pack(400, 20) }), '-11'],
    ['charging: neither known, from the pack', charging(pack(400, 20)), '-8'],
    ['charging: never positive', charging(pack(400, -20)), '0'],
    ['charging: power flows out', charging({ ACChargingPower: -5 }), '0'],
    ['charging: just begun', charging({ ACChargingPower: 0 }), '0'],
    ['charging: nothing known', charging({}), '0'],
  ])('%s', (_, signals, text) => {
    expect(column('power', signals)).toBe(text);
  });

  function charging(signals: Signals): Signals {
    return { Gear: 'P', DetailedChargeState: 'Charging', ...signals };
  }

  function pack(volts: number, amperes: number): Signals {
    return { PackVoltage: volts, PackCurrent: amperes };
  }
});

describe('the location in a tunnel', () => {
  const lostLocation = (Gear: string) =>
    stateAfter(
      vehicleRecord(1_000, { Gear, Location: { latitude: 48, longitude: 11 } }),
      vehicleRecord(2_000, { Location: null }),
    );
  const state = lostLocation('D');
  const [latitude, longitude] = ['est_lat', 'est_lng'].map((name) => frameColumns.find((each) => each.name === name)!);

  it('is the last valid one until 60 s after its time', () => {
    expect([columnText(latitude!, state, 61_000), columnText(longitude!, state, 61_000)]).toEqual(['48', '11']);
  });

  it('is unknown after that', () => {
    expect([columnText(latitude!, state, 61_001), columnText(longitude!, state, 61_001)]).toEqual(['', '']);
  });

  it('does not expire while the vehicle is parked, so that a charge in a garage produces frames', () => {
    expect(columnText(latitude!, lostLocation('P'), 86_400_000)).toBe('48');
  });

  it('does not expire while the vehicle does not mark it invalid', () => {
    const parked = stateWith({ Location: { latitude: 48, longitude: 11 } }, 1_000);
    expect(columnText(latitude!, parked, 86_400_000)).toBe('48');
  });
});

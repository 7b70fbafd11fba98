import { describe, expect, it } from 'vitest';
import { commandTable, confirmationsOf, prepareCommand } from '../src/index.js';

const cases: [string, Record<string, unknown>, string, unknown[], unknown[]][] = [
  ['door_lock', {}, 'Locked', [true, 'true', 'True'], [false, null, undefined, 1]],
  ['door_unlock', {}, 'Locked', [false], [true, null, undefined]],
  ['charge_start', {}, 'DetailedChargeState', ['DetailedChargeStateCharging'], ['DetailedChargeStateStopped']],
  ['charge_start', {}, 'ChargeState', ['Charging', 'Starting'], ['Idle', 'Stopped']],
  ['charge_stop', {}, 'DetailedChargeState', ['DetailedChargeStateStopped'], ['DetailedChargeStateCharging']],
  ['set_charge_limit', { percent: 80 }, 'ChargeLimitSoc', [80, '80'], [79, 8, null]],
  ['set_charging_amps', { charging_amps: 7.9 }, 'ChargeCurrentRequest', [7], [8]],
  ['auto_conditioning_start', {}, 'HvacPower', ['HvacPowerStateOn'], ['HvacPowerStateOff', 'HvacPowerStateUnknown']],
  ['set_climate_keeper_mode', { climate_keeper_mode: 3 }, 'ClimateKeeperMode', ['ClimateKeeperModeStateParty'], []],
  ['set_sentry_mode', { on: true }, 'SentryMode', ['SentryModeStateArmed'], ['SentryModeStateOff']],
  ['set_sentry_mode', { on: false }, 'SentryMode', ['SentryModeStateOff'], ['SentryModeStateUnknown']],
  ['set_vehicle_name', { vehicle_name: 'Estate' }, 'VehicleName', ['Estate'], ['Est']],
];

describe('telemetry confirms', () => {
  it.each(cases)('%s %j by %s', (name, body, signal, confirming, others) => {
    const command = prepareCommand(name, body, 0);
    if (command.kind !== 'prepared') throw new Error(command.kind);
    const confirmation = confirmationsOf(command).find((entry) => entry.signal === signal)!;
    expect(confirming.map((value) => confirmation.isConfirmedBy(value))).toEqual(confirming.map(() => true));
    expect(others.map((value) => confirmation.isConfirmedBy(value))).toEqual(others.map(() => false));
  });

  it('nothing of a command that no signal shows, whatever its values are', () => {
    for (const row of commandTable.values()) {
      if (row.via === 'signed') expect(Array.isArray(confirmationsOf({ row, values: {} }))).toBe(true);
    }
    const honk = prepareCommand('honk_horn', {}, 0);
    expect(honk.kind === 'prepared' && confirmationsOf(honk)).toEqual([]);
  });
});

import { Field } from '@fleetbridge/protocol';
import { vehicleDataMistakes } from '@fleetbridge/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Sent,
  type Signals,
  someRecords,
  stateAfter,
  stateWith,
  vehicleRecord,
} from '../../test/vehicle-records.js';
import { vehicleDataSections } from './sections.js';
import { emptySeed, type Seed } from './seed.js';

const VIN = '5YJ3E1EA7KF000001';

function sectionsOf(signals: Signals, seed: Partial<Seed['sections']> = {}) {
  const state = stateWith(signals, 1_700_000_000_000);
  return vehicleDataSections({
    state,
    seed: { vin: VIN, sections: seed as Seed['sections'] },
    nowMs: 1_700_000_000_000,
  });
}

const charging: Signals = { DetailedChargeState: 'DetailedChargeStateCharging' };

it.each<[string, Signals, unknown]>([
  ['charge_state.battery_level', { BatteryLevel: 81.5, Soc: 79.2 }, 82],
  ['charge_state.battery_level', { Soc: 79.2 }, 79],
  ['charge_state.usable_battery_level', { BatteryLevel: 81.5, Soc: 79.2 }, 79],
  ['charge_state.usable_battery_level', { BatteryLevel: 81.5 }, 82],
  ['charge_state.ideal_battery_range', { RatedRange: 210.126 }, 210.13],
  ['charge_state.ideal_battery_range', { RatedRange: 210, IdealBatteryRange: 250 }, 250],
  ['charge_state.battery_range', { RatedRange: 999 }, null],
  ['charge_state.charging_state', { DetailedChargeState: 'DetailedChargeStateComplete' }, 'Complete'],
  ['charge_state.charging_state', { DetailedChargeState: 'Unknown', ChargeState: 'Stopped' }, 'Stopped'],
  ['charge_state.charging_state', { ChargeState: 'Enable', PackVoltage: 400, PackCurrent: 20 }, 'Charging'],
  ['charge_state.charging_state', {}, null],
  ['charge_state.charge_energy_added', { DCChargingEnergyIn: 4.567, ACChargingEnergyIn: 5 }, 4.57],
  ['charge_state.charge_energy_added', { ACChargingEnergyIn: 5.004 }, 5],
  ['charge_state.charge_energy_added', { ACChargingEnergyIn: 5, FastChargerPresent: true }, 0],
  ['charge_state.charge_energy_added', { DCChargingEnergyIn: -1 }, 0],
  ['charge_state.charge_energy_added', {}, 0],
  ['charge_state.charger_power', { ...charging, ACChargingPower: 10.6, DCChargingPower: 0 }, 11],
  ['charge_state.charger_power', { ...charging, DCChargingPower: 120.4, ACChargingPower: 0 }, 120],
  ['charge_state.charger_power', { ACChargingPower: 10.6, DetailedChargeState: 'Stopped' }, 0],
  ['charge_state.charger_power', { ...charging, PackVoltage: 400, PackCurrent: 23 }, 10],
  ['charge_state.charger_power', { ...charging, FastChargerPresent: true, PackVoltage: 400, PackCurrent: 250 }, 100],
  ['charge_state.charger_voltage', { ChargerVoltage: 229.6 }, 230],
  ['charge_state.charger_actual_current', { ...charging, ChargeAmps: 15.7 }, 16],
  ['charge_state.charger_actual_current', { ...charging, ChargeAmps: 15.7, FastChargerPresent: true }, 0],
  ['charge_state.charger_actual_current', { DetailedChargeState: 'Stopped', ChargeAmps: 15.7 }, 0],
  ['charge_state.charger_phases', { ...charging, ChargerPhases: 3 }, 3],
  ['charge_state.charger_phases', { ...charging, ChargerPhases: 0 }, null],
  ['charge_state.charger_phases', { DetailedChargeState: 'Stopped', ChargerPhases: 3 }, null],
  ['charge_state.conn_charge_cable', { ChargingCableType: 'CableTypeIEC' }, 'IEC'],
  ['charge_state.conn_charge_cable', { ChargingCableType: null }, '<invalid>'],
  ['charge_state.conn_charge_cable', {}, '<invalid>'],
  ['charge_state.charge_port_latch', { ChargePortLatch: 'ChargePortLatchEngaged' }, 'Engaged'],
  ['charge_state.charge_port_latch', { ChargePortLatch: 'ChargePortLatchSNA' }, '<invalid>'],
  ['charge_state.fast_charger_type', { FastChargerType: 'FastChargerSupercharger' }, 'Tesla'],
  ['charge_state.fast_charger_type', { FastChargerType: 'FastChargerCombo' }, 'Combo'],
  ['charge_state.fast_charger_type', { FastChargerType: 'FastChargerSNA' }, '<invalid>'],
  ['charge_state.fast_charger_brand', { FastChargerType: 'FastChargerSupercharger' }, 'Tesla'],
  ['charge_state.fast_charger_brand', { FastChargerType: 'FastChargerCombo' }, '<invalid>'],
  ['charge_state.minutes_to_full_charge', { ...charging, TimeToFullCharge: 1.26 }, 76],
  ['charge_state.time_to_full_charge', { DetailedChargeState: 'Complete', TimeToFullCharge: 1.26 }, 0],
  ['charge_state.scheduled_charging_start_time', { ScheduledChargingStartTime: null }, null],
  ['climate_state.is_climate_on', { HvacPower: 'HvacPowerStateOn' }, true],
  ['climate_state.is_climate_on', { HvacPower: 'HvacPowerStateOverheatProtect' }, false],
  ['climate_state.is_preconditioning', { HvacPower: 'HvacPowerStatePrecondition' }, true],
  ['climate_state.is_preconditioning', { PreconditioningEnabled: true }, false],
  ['climate_state.climate_keeper_mode', { ClimateKeeperMode: 'ClimateKeeperModeStateParty' }, 'camp'],
  ['climate_state.climate_keeper_mode', { ClimateKeeperMode: 'ClimateKeeperModeStateUnknown' }, 'off'],
  ['climate_state.defrost_mode', { DefrostMode: 'DefrostModeStateMax' }, 2],
  ['climate_state.is_front_defroster_on', { DefrostMode: 'DefrostModeStateOff' }, false],
  ['climate_state.fan_status', { HvacFanStatus: 3.4 }, 3],
  ['climate_state.driver_temp_setting', { HvacLeftTemperatureRequest: 20, HvacRightTemperatureRequest: 22 }, 20],
  [
    'climate_state.driver_temp_setting',
    { HvacLeftTemperatureRequest: 20, HvacRightTemperatureRequest: 22, RightHandDrive: true },
    22,
  ],
  ['climate_state.inside_temp', { InsideTemp: null }, null],
  ['drive_state.shift_state', { Gear: 'ShiftStateD' }, 'D'],
  ['drive_state.shift_state', { Gear: 'ShiftStateSNA' }, null],
  ['drive_state.shift_state', { Gear: null }, null],
  ['drive_state.shift_state', {}, null],
  ['drive_state.speed', { Gear: 'D', VehicleSpeed: 0 }, 0],
  ['drive_state.speed', { Gear: 'P', VehicleSpeed: 0 }, null],
  ['drive_state.power', { Gear: 'D', PackVoltage: 400, PackCurrent: -52.3 }, 21],
  ['drive_state.power', {}, 0],
  ['drive_state.heading', { GpsHeading: 359.7 }, 0],
  ['drive_state.gps_as_of', { Location: { latitude: 48, longitude: 11 } }, 1_700_000_000],
  ['drive_state.active_route_destination', { DestinationName: 'Home', MilesToArrival: 5.5 }, 'Home'],
  ['drive_state.active_route_miles_to_arrival', { DestinationName: 'Home', MilesToArrival: 5.5 }, 5.5],
  ['drive_state.active_route_miles_to_arrival', { DestinationName: null, MilesToArrival: 5.5 }, undefined],
  ['gui_settings.gui_distance_units', { SettingDistanceUnit: 'DistanceUnitKilometers' }, 'km/hr'],
  ['gui_settings.gui_temperature_units', { SettingTemperatureUnit: 'TemperatureUnitFahrenheit' }, 'F'],
  ['vehicle_config.car_type', { CarType: 'CarTypeModelY' }, 'modely'],
  ['vehicle_config.car_type', {}, 'model3'],
  ['vehicle_config.trim_badging', { Trim: 'P74D' }, 'p74d'],
  ['vehicle_config.rear_seat_heaters', { RearSeatHeaters: '1' }, 1],
  ['vehicle_config.sun_roof_installed', { SunroofInstalled: 'SunroofInstalledStateNotInstalled' }, 0],
  ['vehicle_state.sentry_mode', { SentryMode: 'SentryModeStateIdle' }, true],
  ['vehicle_state.sentry_mode', { SentryMode: 'SentryModeStateOff' }, false],
  ['vehicle_state.center_display_state', { CenterDisplay: 'DisplayStateDriving' }, 4],
  ['vehicle_state.fd_window', { FdWindow: 'WindowStatePartiallyOpen' }, 1],
  ['vehicle_state.fd_window', { FdWindow: 'WindowStateUnknown' }, null],
  ['vehicle_state.df', { DoorState: { doorValue: { DriverFront: true } } }, 1],
  ['vehicle_state.pf', { DoorState: { doorValue: { DriverFront: true } } }, 0],
  ['vehicle_state.dr', { DoorState: { doorValue: { PassengerFront: true } }, Version: '2024.38.1' }, 1],
  ['vehicle_state.dr', { DoorState: { doorValue: { PassengerFront: true } }, Version: '2024.44.32 abc' }, 0],
  ['vehicle_state.rt', { DoorState: 'DriverFront|TrunkRear' }, 1],
  ['vehicle_state.df', { DoorState: null }, null],
  ['vehicle_state.tpms_soft_warning_fl', { TpmsSoftWarnings: { tireLocationValue: { frontLeft: true } } }, true],
  ['vehicle_state.tpms_soft_warning_rr', { TpmsSoftWarnings: { tireLocationValue: { frontLeft: true } } }, false],
  ['vehicle_state.software_update.status', { SoftwareUpdateVersion: '2026.24.1' }, 'available'],
  ['vehicle_state.software_update.status', { SoftwareUpdateVersion: '2026.24.1', Version: '2026.24.1 abc' }, ''],
  ['vehicle_state.software_update.status', { SoftwareUpdateDownloadPercentComplete: 40 }, 'downloading'],
  ['vehicle_state.software_update.status', { SoftwareUpdateInstallationPercentComplete: 40 }, 'installing'],
  ['vehicle_state.software_update.status', { SoftwareUpdateInstallationPercentComplete: 1 }, ''],
  [
    'vehicle_state.software_update.status',
    { SoftwareUpdateInstallationPercentComplete: 100, SoftwareUpdateVersion: '2026.24.1' },
    '',
  ],
  ['vehicle_state.software_update.expected_duration_sec', { SoftwareUpdateExpectedDurationMinutes: 30 }, 1800],
])('%s of %j is %j', (path, signals, expected) => {
  const value = path
    .split('.')
    .reduce<unknown>((part, name) => (part as Record<string, unknown>)[name], sectionsOf(signals));
  expect(value).toEqual(expected);
});

describe('the seed', () => {
  it('has priority where telemetry spells differently, and fills what telemetry lacks', () => {
    const seed = { vehicle_config: { trim_badging: '74d', wheel_type: 'Pinwheel18', plg: true } };
    const { vehicle_config: config } = sectionsOf({ Trim: 'LR' }, seed);
    expect(config).toMatchObject({ trim_badging: '74d', wheel_type: 'Pinwheel18', plg: true, spoiler_type: 'None' });
  });

  it('never shows an old level, position or gear, nor a value of another type', () => {
    const seed = {
      charge_state: { battery_level: 20, charge_limit_soc_std: '80' },
      drive_state: { latitude: 1, shift_state: 'D' },
    };
    const sections = sectionsOf({}, seed as never);
    expect(sections.charge_state).toMatchObject({ battery_level: null, charge_limit_soc_std: 90 });
    expect(sections.drive_state).toMatchObject({ latitude: null, shift_state: null });
  });
});

describe('scheduled times', () => {
  // 07:35 in Pacific time (UTC-8) on 2025-01-13
  const signals: Signals = { ScheduledChargingStartTime: { longValue: 1_736_782_500 } };

  it("are the vehicle's local time: the number read in Pacific time shows it", () => {
    const { charge_state: state } = sectionsOf(signals, { vehicle_config: { utc_offset: 3600 } });
    expect(state?.scheduled_charging_start_time).toBe(Date.UTC(2025, 0, 13, 6, 35) / 1000);
    expect(state?.scheduled_charging_start_time_minutes).toBe(7 * 60 + 35);
  });

  it('use the zone of the longitude without a seed', () => {
    const { charge_state: state } = sectionsOf({ ...signals, Location: { latitude: 48, longitude: 11.5 } });
    expect(state?.scheduled_charging_start_time).toBe(Date.UTC(2025, 0, 13, 6, 35) / 1000);
  });
});

it('is a document of the right types, whatever the vehicle sends', () => {
  const facts = (state: ReturnType<typeof stateAfter>) => ({ state, seed: emptySeed(VIN), nowMs: 1_700_000_000_000 });
  const names = Object.keys(Field).filter(
    (name) => !/^(Unknown|Experimental|Deprecated)/.test(name) && Number.isNaN(Number(name)),
  );
  const anySent = fc.oneof<fc.Arbitrary<Sent>[]>(
    fc.double(),
    fc.constantFrom<Sent>(null, '', '"x"', 'Unknown', '-1', true, 7.5, -0, 1e300, 0, 999),
    fc.constant({ latitude: 48.1, longitude: 11.5 }),
  );
  const anySignals = fc.dictionary(fc.constantFrom(...names), anySent, { maxKeys: 40 });
  fc.assert(
    fc.property(anySignals, someRecords(6), (signals, records) => {
      const state = stateAfter(vehicleRecord(1_000, signals as Signals), ...records);
      const sections = vehicleDataSections(facts(state));
      for (const section of Object.values(sections)) section.timestamp = 1;
      // these are checked before a document is made
      const known: Record<string, unknown> = {
        ...sections,
        charge_state: { ...sections.charge_state, ideal_battery_range: 1 },
        vehicle_state: { ...sections.vehicle_state, odometer: 1 },
      };
      const top = { id: 1, id_s: '1', vehicle_id: 2, vin: VIN, state: 'online' };
      expect(vehicleDataMistakes({ ...top, ...known })).toEqual([]);
    }),
    { numRuns: 200 },
  );
});

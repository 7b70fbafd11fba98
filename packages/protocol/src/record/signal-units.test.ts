import { describe, expect, it } from 'vitest';
import { fieldName } from '../messages/index.js';
import { signalNames } from './record.js';
import { signalsWithUnit, signalUnit } from './signal-units.js';

/** The units in Tesla's published list of signals. It gives % for HvacFanSpeed and HvacFanStatus, which are steps. */
const publishedUnits: Record<string, string> = {
  mph: 'VehicleSpeed CurrentLimitMph CruiseSetSpeed ChargeRateMilePerHour',
  mi: 'Odometer RatedRange EstBatteryRange IdealBatteryRange MilesToArrival MilesSinceReset SelfDrivingMilesSinceReset',
  V: 'PackVoltage DiVBatR BrickVoltageMax BrickVoltageMin DiVBatF DiVBatREL DiVBatRER ChargerVoltage',
  A: 'PackCurrent DiMotorCurrentR ChargeAmps ChargeCurrentRequest DiMotorCurrentF DiMotorCurrentREL DiMotorCurrentRER',
  '%': 'Soc PedalPosition ChargeLimitSoc BatteryLevel BrakePedalPos ExpectedEnergyPercentAtTripArrival SoftwareUpdateDownloadPercentComplete SoftwareUpdateInstallationPercentComplete',
  '°C': 'DiHeatsinkTR DiStatorTempR ModuleTempMax ModuleTempMin InsideTemp OutsideTemp DiHeatsinkTF DiHeatsinkTREL DiHeatsinkTRER DiStatorTempF DiStatorTempREL DiStatorTempRER DiInverterTR DiInverterTF DiInverterTREL DiInverterTRER HvacLeftTemperatureRequest HvacRightTemperatureRequest',
  '°': 'GpsHeading',
  kWh: 'DCChargingEnergyIn ACChargingEnergyIn LifetimeEnergyUsed LifetimeEnergyGainedRegen EnergyRemaining',
  kW: 'DCChargingPower ACChargingPower PowershareInstantaneousPowerKW',
  h: 'TimeToFullCharge EstimatedHoursToChargeTermination PowershareHoursLeft',
  bar: 'TpmsPressureFl TpmsPressureFr TpmsPressureRl TpmsPressureRr',
  min: 'MinutesToArrival RouteTrafficMinutesDelay SoftwareUpdateExpectedDurationMinutes',
};

/** Signals of firmware 2026.32, which the list lacks: the name contains the unit. */
const namedUnits: Record<string, string> = {
  m: 'GpsAccuracyMeters',
  kWh: 'LifetimeEnergyChargedKwh NominalFullPackEnergyKwh',
  '%': 'BrickSocMinPercent GradeEstimatePercent',
  mph: 'MaxSpeedToReachDestinationMph SemiCruiseSpeedLimitMph',
};

/** The list has no unit; descriptions and vehicles do. */
const ourUnits: Record<string, string> = {
  '%': 'TonneauOpenPercent',
  A: 'ChargeCurrentRequestMax',
  kWh: 'LifetimeEnergyUsedDrive',
  bar: 'SemitruckTpmsPressureRe1L0 SemitruckTpmsPressureRe1L1 SemitruckTpmsPressureRe1R0 SemitruckTpmsPressureRe1R1 SemitruckTpmsPressureRe2L0 SemitruckTpmsPressureRe2L1 SemitruckTpmsPressureRe2R0 SemitruckTpmsPressureRe2R1',
  Nm: 'DiTorquemotor DiSlaveTorqueCmd DiTorqueActualR DiTorqueActualF DiTorqueActualREL DiTorqueActualRER',
  rpm: 'DiAxleSpeedR DiAxleSpeedF DiAxleSpeedREL DiAxleSpeedRER',
};

describe('signalUnit', () => {
  it('lists only signals of the schema', () => {
    const names = new Set(signalNames.values());
    expect([...signalsWithUnit].filter((name) => !names.has(name))).toEqual([]);
    expect([signalUnit('VehicleSpeed'), signalUnit('Gear')]).toEqual(['mph', undefined]);
  });

  it('is the published unit, that of the name, or our own where neither exists', () => {
    const expected = [publishedUnits, namedUnits, ourUnits].flatMap((table) =>
      Object.entries(table).flatMap(([unit, names]) => names.split(' ').map((name) => [name, unit])),
    );
    expect(Object.fromEntries([...signalsWithUnit].map((name) => [name, signalUnit(name)]))).toEqual(
      Object.fromEntries(expected),
    );
  });

  it('is undefined for the steps of the fan', () => {
    expect([signalUnit('HvacFanSpeed'), signalUnit('HvacFanStatus')]).toEqual([undefined, undefined]);
  });
});

describe('the signals of firmware 2026.32', () => {
  it('have their names, and later numbers a name with the number', () => {
    expect(Array.from({ length: 11 }, (_, index) => fieldName(260 + index))).toEqual([
      'GpsAccuracyMeters',
      'LifetimeEnergyChargedKwh',
      'BrickSocMinPercent',
      'NominalFullPackEnergyKwh',
      'GradeEstimatePercent',
      'MaxSpeedToReachDestinationMph',
      'SoftwareUpdateAvailable',
      'SoftwareUpdateInProgress',
      'RemoteStartActive',
      'SemiCruiseSpeedLimitMph',
      'Field_270',
    ]);
  });
});

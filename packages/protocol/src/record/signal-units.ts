// The unit of each signal that has one. Telemetry uses the REST API's units, miles, mph, °C and bar, regardless of the car's
// display settings (docs/protocol/vehicle.md#signals).

const namesByUnit: Record<string, string> = {
  mph: 'VehicleSpeed CruiseSetSpeed CurrentLimitMph ChargeRateMilePerHour MaxSpeedToReachDestinationMph SemiCruiseSpeedLimitMph',
  mi: 'Odometer RatedRange EstBatteryRange IdealBatteryRange MilesToArrival MilesSinceReset SelfDrivingMilesSinceReset',
  m: 'GpsAccuracyMeters',
  '%': 'Soc BatteryLevel ChargeLimitSoc PedalPosition BrakePedalPos ExpectedEnergyPercentAtTripArrival SoftwareUpdateDownloadPercentComplete SoftwareUpdateInstallationPercentComplete TonneauOpenPercent BrickSocMinPercent GradeEstimatePercent',
  V: 'PackVoltage BrickVoltageMax BrickVoltageMin ChargerVoltage DiVBatR DiVBatF DiVBatREL DiVBatRER',
  A: 'PackCurrent ChargeAmps ChargeCurrentRequest ChargeCurrentRequestMax DiMotorCurrentR DiMotorCurrentF DiMotorCurrentREL DiMotorCurrentRER',
  kW: 'ACChargingPower DCChargingPower PowershareInstantaneousPowerKW',
  kWh: 'ACChargingEnergyIn DCChargingEnergyIn EnergyRemaining LifetimeEnergyUsed LifetimeEnergyUsedDrive LifetimeEnergyGainedRegen LifetimeEnergyChargedKwh NominalFullPackEnergyKwh',
  h: 'TimeToFullCharge EstimatedHoursToChargeTermination PowershareHoursLeft',
  min: 'MinutesToArrival RouteTrafficMinutesDelay SoftwareUpdateExpectedDurationMinutes',
  '°': 'GpsHeading',
  '°C': 'InsideTemp OutsideTemp ModuleTempMax ModuleTempMin HvacLeftTemperatureRequest HvacRightTemperatureRequest DiStatorTempR DiStatorTempF DiStatorTempREL DiStatorTempRER DiHeatsinkTR DiHeatsinkTF DiHeatsinkTREL DiHeatsinkTRER DiInverterTR DiInverterTF DiInverterTREL DiInverterTRER',
  bar: 'TpmsPressureFl TpmsPressureFr TpmsPressureRl TpmsPressureRr SemitruckTpmsPressureRe1L0 SemitruckTpmsPressureRe1L1 SemitruckTpmsPressureRe1R0 SemitruckTpmsPressureRe1R1 SemitruckTpmsPressureRe2L0 SemitruckTpmsPressureRe2L1 SemitruckTpmsPressureRe2R0 SemitruckTpmsPressureRe2R1',
  Nm: 'DiTorquemotor DiSlaveTorqueCmd DiTorqueActualR DiTorqueActualF DiTorqueActualREL DiTorqueActualRER',
  rpm: 'DiAxleSpeedR DiAxleSpeedF DiAxleSpeedREL DiAxleSpeedRER',
};

const unitByName = new Map(
  Object.entries(namesByUnit).flatMap(([unit, names]) => names.split(' ').map((name) => [name, unit] as const)),
);

/** The unit of a signal, e.g. `mph`; undefined for states, flags, texts and counts. */
export function signalUnit(name: string): string | undefined {
  return unitByName.get(name);
}

/** All signals that have a unit. */
export const signalsWithUnit: ReadonlySet<string> = new Set(unitByName.keys());

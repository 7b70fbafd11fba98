// The kind of each signal: what its values mean, whatever their form. Old vehicles send numbers, flags and enums as text
// (docs/protocol/vehicle.md#signals).
import { shortEnumName, signalEnums, topicShapes } from '@fleetbridge/protocol';

export type SignalKind =
  | { kind: 'boolean' | 'number' | 'timestamp' | 'place' | 'doors' | 'tyres' | 'text' }
  | { kind: 'enum'; enumName: string; prefix: string; options: readonly string[] };

const namesByKind = {
  boolean:
    'DriveRail BmsFullchargecomplete DCDCEnable BrakePedal GpsState FastChargerPresent ScheduledChargingPending PreconditioningEnabled ChargeEnableRequest ChargePortColdWeatherMode BatteryHeaterOn NotEnoughPowerToHeat SuperchargerSessionTripPlanner Locked SpeedLimitMode AutoSeatClimateLeft AutoSeatClimateRight DriverSeatBelt DriverSeatOccupied GuestModeEnabled PinToDriveEnabled AutomaticBlindSpotCamera BlindSpotCollisionWarningChime EmergencyLaneDepartureAvoidance AutomaticEmergencyBrakingOff ServiceMode ChargePortDoorOpen DefrostForPreconditioning EuropeVehicle HomelinkNearby HvacACEnabled HvacSteeringWheelHeatAuto OffroadLightbarPresent RearDisplayHvacEnabled RemoteStartEnabled RightHandDrive ValetModeEnabled WiperHeatEnabled LocatedAtHome LocatedAtWork LocatedAtFavorite Setting24HourTime LightsHazardsActive LightsHighBeams SeatVentEnabled RearDefrostEnabled SoftwareUpdateAvailable SoftwareUpdateInProgress RemoteStartActive',
  number:
    'VehicleSpeed Odometer PackVoltage PackCurrent Soc IsolationResistance PedalPosition DiHeatsinkTR DiAxleSpeedR DiTorquemotor DiStatorTempR DiVBatR DiMotorCurrentR GpsHeading NumBrickVoltageMax BrickVoltageMax NumBrickVoltageMin BrickVoltageMin NumModuleTempMax ModuleTempMax NumModuleTempMin ModuleTempMin RatedRange DCChargingEnergyIn DCChargingPower ACChargingEnergyIn ACChargingPower ChargeLimitSoc EstBatteryRange IdealBatteryRange BatteryLevel TimeToFullCharge ChargeAmps ChargerPhases ChargeCurrentRequest ChargeCurrentRequestMax CurrentLimitMph TpmsPressureFl TpmsPressureFr TpmsPressureRl TpmsPressureRr SemitruckTpmsPressureRe1L0 SemitruckTpmsPressureRe1L1 SemitruckTpmsPressureRe1R0 SemitruckTpmsPressureRe1R1 SemitruckTpmsPressureRe2L0 SemitruckTpmsPressureRe2L1 SemitruckTpmsPressureRe2R0 SemitruckTpmsPressureRe2R1 InsideTemp OutsideTemp SeatHeaterLeft SeatHeaterRight SeatHeaterRearLeft SeatHeaterRearRight SeatHeaterRearCenter LateralAcceleration LongitudinalAcceleration CruiseSetSpeed LifetimeEnergyUsed LifetimeEnergyUsedDrive BrakePedalPos MilesToArrival MinutesToArrival PairedPhoneKeyAndKeyFobQty LifetimeEnergyGainedRegen DiHeatsinkTF DiHeatsinkTREL DiHeatsinkTRER DiAxleSpeedF DiAxleSpeedREL DiAxleSpeedRER DiSlaveTorqueCmd DiTorqueActualR DiTorqueActualF DiTorqueActualREL DiTorqueActualRER DiStatorTempF DiStatorTempREL DiStatorTempRER DiVBatF DiVBatREL DiVBatRER DiMotorCurrentF DiMotorCurrentREL DiMotorCurrentRER EnergyRemaining DiInverterTR DiInverterTF DiInverterTREL DiInverterTRER ChargerVoltage EstimatedHoursToChargeTermination ExpectedEnergyPercentAtTripArrival HomelinkDeviceCount HvacFanSpeed HvacFanStatus HvacLeftTemperatureRequest HvacRightTemperatureRequest HvacSteeringWheelHeatLevel PowershareHoursLeft PowershareInstantaneousPowerKW RouteTrafficMinutesDelay SoftwareUpdateDownloadPercentComplete SoftwareUpdateExpectedDurationMinutes SoftwareUpdateInstallationPercentComplete TonneauOpenPercent ClimateSeatCoolingFrontLeft ClimateSeatCoolingFrontRight MediaAudioVolume MediaNowPlayingDuration MediaNowPlayingElapsed MediaAudioVolumeIncrement MediaAudioVolumeMax ChargeRateMilePerHour MilesSinceReset SelfDrivingMilesSinceReset GpsAccuracyMeters LifetimeEnergyChargedKwh BrickSocMinPercent NominalFullPackEnergyKwh GradeEstimatePercent MaxSpeedToReachDestinationMph SemiCruiseSpeedLimitMph',
  place: 'Location OriginLocation DestinationLocation',
  timestamp:
    'ScheduledChargingStartTime TpmsLastSeenPressureTimeFl TpmsLastSeenPressureTimeFr TpmsLastSeenPressureTimeRl TpmsLastSeenPressureTimeRr SoftwareUpdateScheduledStartTime',
  doors: 'DoorState',
  tyres: 'TpmsHardWarnings TpmsSoftWarnings',
} as const;

/** Signals by the name of their enum in the schema. */
const namesByEnum = {
  ShiftState: 'Gear',
  DriveInverterState: 'DiStateR DiStateF DiStateREL DiStateRER',
  HvilStatus: 'Hvil',
  ScheduledChargingModeValue: 'ScheduledChargingMode',
  WindowState: 'FdWindow FpWindow RdWindow RpWindow',
  SentryModeState: 'SentryMode',
  BuckleStatus: 'PassengerSeatBelt',
  SeatFoldPosition: 'SemitruckPassengerSeatFoldPosition',
  TractorAirStatus: 'SemitruckTractorParkBrakeStatus',
  TrailerAirStatus: 'SemitruckTrailerParkBrakeStatus',
  CarTypeValue: 'CarType',
  ChargePortValue: 'ChargePort',
  ChargePortLatchValue: 'ChargePortLatch',
  FollowDistance: 'CruiseFollowDistance',
  SpeedAssistLevel: 'SpeedLimitWarning',
  ForwardCollisionSensitivity: 'ForwardCollisionWarning',
  LaneAssistLevel: 'LaneDepartureAvoidance',
  BMSStateValue: 'BMSState',
  GuestModeMobileAccess: 'GuestModeMobileAccessState',
  DetailedChargeStateValue: 'DetailedChargeState',
  CabinOverheatProtectionModeState: 'CabinOverheatProtectionMode',
  ClimateOverheatProtectionTempLimit: 'CabinOverheatProtectionTemperatureLimit',
  DisplayState: 'CenterDisplay',
  CableType: 'ChargingCableType',
  ClimateKeeperModeState: 'ClimateKeeperMode',
  DefrostModeState: 'DefrostMode',
  FastCharger: 'FastChargerType',
  HvacAutoModeState: 'HvacAutoMode',
  HvacPowerState: 'HvacPower',
  PowershareState: 'PowershareStatus',
  PowershareStopReasonStatus: 'PowershareStopReason',
  PowershareTypeStatus: 'PowershareType',
  TonneauPositionState: 'TonneauPosition',
  TonneauTentModeState: 'TonneauTentMode',
  DistanceUnit: 'SettingDistanceUnit',
  TemperatureUnit: 'SettingTemperatureUnit',
  PressureUnit: 'SettingTirePressureUnit',
  ChargeUnitPreference: 'SettingChargeUnit',
  TurnSignalState: 'LightsTurnSignal',
  MediaStatus: 'MediaPlaybackStatus',
  SunroofInstalledState: 'SunroofInstalled',
} as const;
const DATUM_VALUE = topicShapes.V.message.byNumber[1]!.message!.byNumber[2]!.message!;

/** The places of a tyre by their names in decoded messages and in the schema: `frontLeft` and `front_left`. */
export const tyrePlaces: ReadonlyMap<string, string> = new Map(
  DATUM_VALUE.fields
    .find(({ name }) => name === 'tireLocationValue')!
    .message!.fields.map(({ name, proto }) => [name, proto]),
);

/** Members that mean that the value is unknown. */
const UNKNOWN = new Set(['Unknown', 'Invalid', 'SNA']);

const kinds = new Map<string, SignalKind>();
for (const [kind, names] of Object.entries(namesByKind)) {
  for (const name of names.split(' ')) kinds.set(name, { kind: kind as keyof typeof namesByKind });
}
for (const [enumName, names] of Object.entries(namesByEnum)) {
  const { prefix, members } = signalEnums.get(enumName)!;
  const options = members.map(shortEnumName).filter((name) => !UNKNOWN.has(name));
  for (const name of names.split(' ')) kinds.set(name, { kind: 'enum', enumName, prefix, options });
}

/** `text` for signals that the schema lacks or gives no type. */
export function signalKind(name: string): SignalKind {
  return kinds.get(name) ?? { kind: 'text' };
}

// Drives as the Owner API showed them: position and power each second. All records are kept across dead zones, so that a
// track has no holes; fields that describe a state are sent again every 300 s, which repairs a value that was lost.
import type { FieldPlan, Profile } from './profile.js';

const RESEND = 300;
const SLOW_RESEND = 3_600;

const drive: Record<string, FieldPlan> = {
  Location: {
    interval: 1,
    include: ['VehicleSpeed', 'Gear', 'GpsHeading', 'Odometer', 'PackVoltage', 'PackCurrent'],
    reason: 'the track of a drive; carries along what a frame needs',
  },
  VehicleSpeed: { interval: 1, intervalWhenIncluded: 5, reason: 'speed of each position' },
  Gear: { interval: 1, resend: RESEND, reason: 'starts and ends drives' },
  GpsHeading: { interval: 1, intervalWhenIncluded: 10, delta: 1, reason: 'heading of each position' },
  Odometer: {
    interval: 1,
    intervalWhenIncluded: 30,
    delta: 0.01,
    reason: 'distance of a drive, without which it is lost',
  },
  PackVoltage: { interval: 1, intervalWhenIncluded: 10, delta: 0.5, reason: 'power is voltage times current' },
  PackCurrent: { interval: 1, intervalWhenIncluded: 2, delta: 0.5, reason: 'power is voltage times current' },
};

const battery: Record<string, FieldPlan> = {
  BatteryLevel: { interval: 30, delta: 0.1, resend: RESEND, reason: 'level of the battery' },
  Soc: { interval: 30, delta: 0.1, resend: RESEND, reason: 'usable level of the battery' },
  RatedRange: { interval: 60, delta: 0.1, resend: RESEND, reason: 'range at the start and end of drives and charges' },
  IdealBatteryRange: { interval: 60, delta: 0.1, resend: RESEND, reason: 'ideal range, without which a drive is lost' },
  EstBatteryRange: { interval: 60, delta: 0.1, resend: RESEND, reason: 'estimated range' },
};

const charging: Record<string, FieldPlan> = {
  DetailedChargeState: { interval: 1, resend: RESEND, reason: 'starts and ends charges' },
  ACChargingPower: { interval: 10, delta: 0.1, reason: 'power of a charge' },
  DCChargingPower: { interval: 10, delta: 0.1, reason: 'power of a fast charge' },
  ACChargingEnergyIn: { interval: 30, delta: 0.01, reason: 'energy used by a charge' },
  DCChargingEnergyIn: { interval: 30, delta: 0.01, reason: 'energy added by a charge' },
  ChargeAmps: { interval: 10, delta: 0.5, reason: 'current of a charge' },
  ChargerVoltage: { interval: 30, delta: 1, reason: 'voltage of a charge; it changes all the time' },
  ChargerPhases: { interval: 30, resend: RESEND, reason: 'phases of a charge' },
  ChargeCurrentRequest: { interval: 30, resend: RESEND, reason: 'current that was asked for' },
  ChargeCurrentRequestMax: { interval: 60, resend: RESEND, reason: 'highest current of the charger' },
  ChargeLimitSoc: { interval: 30, resend: RESEND, reason: 'charge limit' },
  TimeToFullCharge: { interval: 60, reason: 'time until the end of a charge' },
  FastChargerPresent: { interval: 10, resend: RESEND, reason: 'separates AC and DC charges' },
  FastChargerType: { interval: 30, resend: RESEND, reason: 'kind of the fast charger' },
  ChargingCableType: { interval: 30, resend: RESEND, reason: 'kind of the cable' },
  ChargePortDoorOpen: { interval: 30, resend: RESEND, reason: 'door of the charge port' },
  ChargePortLatch: { interval: 30, resend: RESEND, reason: 'is it plugged in' },
  ScheduledChargingStartTime: { interval: 60, resend: RESEND, reason: 'start of a scheduled charge' },
  ScheduledChargingPending: { interval: 60, resend: RESEND, reason: 'is a charge scheduled' },
  BatteryHeaterOn: { interval: 60, resend: RESEND, reason: 'heater of the battery' },
  NotEnoughPowerToHeat: { interval: 60, resend: RESEND, reason: 'heater without enough power' },
};

const climate: Record<string, FieldPlan> = {
  InsideTemp: { interval: 60, delta: 0.5, resend: RESEND, reason: 'temperature inside' },
  OutsideTemp: { interval: 60, delta: 0.5, resend: RESEND, reason: 'temperature outside' },
  HvacPower: { interval: 30, resend: RESEND, reason: 'is the climate on' },
  HvacLeftTemperatureRequest: { interval: 60, resend: RESEND, reason: "driver's temperature" },
  HvacRightTemperatureRequest: { interval: 60, resend: RESEND, reason: "passenger's temperature" },
  HvacFanStatus: { interval: 60, resend: RESEND, reason: 'step of the fan' },
  RearDefrostEnabled: { interval: 60, resend: RESEND, reason: 'rear defroster' },
  DefrostMode: { interval: 60, resend: RESEND, reason: 'front defroster' },
  ClimateKeeperMode: { interval: 60, resend: RESEND, reason: 'dog and camp mode' },
  PreconditioningEnabled: { interval: 60, resend: RESEND, reason: 'setting of preconditioning' },
};

const vehicle: Record<string, FieldPlan> = {
  Locked: { interval: 30, resend: RESEND, reason: 'is it locked' },
  DoorState: { interval: 30, resend: RESEND, reason: 'doors, trunk and frunk' },
  FdWindow: { interval: 30, resend: RESEND, reason: 'window' },
  FpWindow: { interval: 30, resend: RESEND, reason: 'window' },
  RdWindow: { interval: 30, resend: RESEND, reason: 'window' },
  RpWindow: { interval: 30, resend: RESEND, reason: 'window' },
  SentryMode: { interval: 30, resend: RESEND, reason: 'sentry mode, which keeps the vehicle awake' },
  DriverSeatOccupied: { interval: 30, resend: RESEND, reason: 'is somebody in the vehicle' },
  CenterDisplay: { interval: 30, resend: RESEND, reason: 'state of the display' },
  ValetModeEnabled: { interval: 60, resend: RESEND, reason: 'valet mode' },
  ServiceMode: { interval: 60, resend: RESEND, reason: 'service mode' },
  TpmsPressureFl: { interval: 600, delta: 0.05, resend: SLOW_RESEND, reason: 'tyre pressure' },
  TpmsPressureFr: { interval: 600, delta: 0.05, resend: SLOW_RESEND, reason: 'tyre pressure' },
  TpmsPressureRl: { interval: 600, delta: 0.05, resend: SLOW_RESEND, reason: 'tyre pressure' },
  TpmsPressureRr: { interval: 600, delta: 0.05, resend: SLOW_RESEND, reason: 'tyre pressure' },
  TpmsSoftWarnings: { interval: 600, resend: SLOW_RESEND, reason: 'warning of tyre pressure' },
  Version: { interval: 600, resend: SLOW_RESEND, reason: 'firmware, for the list of updates' },
  SoftwareUpdateVersion: { interval: 600, resend: SLOW_RESEND, reason: 'available update' },
  SoftwareUpdateDownloadPercentComplete: { interval: 60, delta: 5, reason: 'download of an update' },
  SoftwareUpdateInstallationPercentComplete: { interval: 10, delta: 1, reason: 'installation of an update' },
  SoftwareUpdateExpectedDurationMinutes: { interval: 600, resend: SLOW_RESEND, reason: 'duration of an update' },
  SoftwareUpdateScheduledStartTime: { interval: 600, resend: SLOW_RESEND, reason: 'scheduled update' },
};

const trip: Record<string, FieldPlan> = {
  DestinationName: { interval: 30, resend: RESEND, reason: 'destination of the navigation' },
  DestinationLocation: { interval: 30, resend: RESEND, reason: 'destination of the navigation' },
  MilesToArrival: { interval: 60, delta: 0.5, reason: 'distance to the destination' },
  MinutesToArrival: { interval: 60, delta: 1, reason: 'time to the destination' },
  ExpectedEnergyPercentAtTripArrival: {
    interval: 300,
    delta: 1,
    reason: 'level at the destination; it changes all the time',
  },
  RouteTrafficMinutesDelay: { interval: 60, delta: 1, reason: 'delay by traffic' },
};

const description: Record<string, FieldPlan> = Object.fromEntries(
  Object.entries({
    VehicleName: 'name',
    CarType: 'model, by which TeslaMate knows the car',
    Trim: 'trim, by which TeslaMate knows the efficiency',
    ExteriorColor: 'colour',
    WheelType: 'wheels',
    RightHandDrive: 'which seat is the driver',
    SettingDistanceUnit: 'shows when the odometer changes its unit',
  }).map(([name, reason]) => [name, { interval: 3_600, resend: 21_600, reason }]),
);

export const teslamate: Profile = {
  summary: 'drives each second as the Owner API showed them, charges, climate, doors, tyres, updates',
  fields: { ...drive, ...battery, ...charging, ...climate, ...vehicle, ...trip, ...description },
  alertTypes: ['service'],
};

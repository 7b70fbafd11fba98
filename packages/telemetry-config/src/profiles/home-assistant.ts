// The state of the vehicle for automations, without tracks: after a gap only the newest values matter (`latest`).
import type { FieldPlan, Profile } from './profile.js';
import { teslamate } from './teslamate.js';

const RESEND = 300;

/** Other intervals than those of teslamate. */
const own: Record<string, FieldPlan> = {
  Location: { interval: 30, delta: 50, resend: RESEND, reason: 'where the vehicle is; zones' },
  VehicleSpeed: { interval: 30, delta: 5, reason: 'is it moving' },
  Gear: { interval: 5, resend: RESEND, reason: 'parked or driving' },
  Odometer: { interval: 300, delta: 1, resend: 3_600, reason: 'mileage; it changes all the time' },
  BatteryLevel: { interval: 60, delta: 1, resend: RESEND, reason: 'level of the battery' },
  RatedRange: { interval: 300, delta: 1, resend: RESEND, reason: 'range' },
  EnergyRemaining: {
    interval: 300,
    delta: 0.5,
    resend: RESEND,
    reason: 'energy in the battery; it changes all the time',
  },
  ACChargingPower: { interval: 30, delta: 0.2, resend: RESEND, reason: 'power of a charge, for solar surplus' },
  ChargeAmps: { interval: 30, delta: 1, resend: RESEND, reason: 'current of a charge, for solar surplus' },
  LocatedAtHome: { interval: 30, resend: RESEND, reason: 'at home' },
};

/** As in teslamate. */
const same = [
  'DetailedChargeState',
  'DCChargingPower',
  'ACChargingEnergyIn',
  'ChargeCurrentRequest',
  'ChargeCurrentRequestMax',
  'ChargeLimitSoc',
  'TimeToFullCharge',
  'ChargePortDoorOpen',
  'ChargePortLatch',
  'InsideTemp',
  'OutsideTemp',
  'HvacPower',
  'HvacLeftTemperatureRequest',
  'ClimateKeeperMode',
  'DefrostMode',
  'Locked',
  'DoorState',
  'FdWindow',
  'FpWindow',
  'RdWindow',
  'RpWindow',
  'SentryMode',
  'DriverSeatOccupied',
  'TpmsPressureFl',
  'TpmsPressureFr',
  'TpmsPressureRl',
  'TpmsPressureRr',
  'TpmsSoftWarnings',
  'Version',
  'SoftwareUpdateVersion',
  'VehicleName',
];

export const homeAssistant: Profile = {
  summary: 'the state of the vehicle for automations, without tracks',
  fields: { ...own, ...Object.fromEntries(same.map((name) => [name, teslamate.fields[name]!])) },
  deliveryPolicy: 'latest',
  alertTypes: ['service'],
};

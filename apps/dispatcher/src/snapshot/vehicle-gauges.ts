// The gauges of the vehicle board as a table: name with unit, help, and the projection of the state. An unknown value is
// absent; zero is a value. Pure.
import {
  CONNECTIVITY,
  enumTailOf,
  isCharging,
  KM_PER_MILE,
  locationAt,
  ODOMETER_MARKS,
  shownPowerKw,
  shownShift,
  signalNumber,
  stateOfCharge,
  type VehicleState,
} from '@fleetbridge/vehicle-state';

/** Without a record for this time, a vehicle is not shown as driving, even if its connection is open. */
export const LIVE_MS = 300_000;

export interface VehicleMoment {
  state: VehicleState;
  /** Time of its newest record, epoch ms; undefined: no record. */
  receivedMs: number | undefined;
  nowMs: number;
}

export interface VehicleGauge {
  name: string;
  help: string;
  /** Shown only while the vehicle is connected and its newest record is less than five minutes old. */
  isLive: boolean;
  /** For a state: the label with its name; the value is 1. */
  label?: 'shift' | 'state';
  from: (moment: VehicleMoment) => number | string | undefined;
}

/** The fields of a snapshot that the gauges need. */
export const boardSignals: readonly string[] = [
  CONNECTIVITY,
  ODOMETER_MARKS,
  ...['Location', 'GpsHeading', 'VehicleSpeed', 'Gear', 'Odometer', 'PackVoltage', 'PackCurrent'],
  ...['Soc', 'BatteryLevel', 'ChargeLimitSoc', 'RatedRange', 'EstBatteryRange', 'InsideTemp', 'OutsideTemp'],
  ...['DetailedChargeState', 'ChargeState', 'ACChargingPower', 'DCChargingPower', 'TimeToFullCharge'],
];

export const vehicleGauges: readonly VehicleGauge[] = [
  {
    name: 'fleetbridge_vehicle_connected',
    help: '1 while the vehicle is connected, else 0.',
    isLive: false,
    from: ({ state: { connectivity } }) => (connectivity === undefined ? undefined : Number(connectivity.isConnected)),
  },
  {
    name: 'fleetbridge_vehicle_heard_timestamp_seconds',
    help: 'Time of the newest record of the vehicle, connect and disconnect included, as a Unix timestamp.',
    isLive: false,
    from: ({ receivedMs }) => (receivedMs === undefined ? undefined : receivedMs / 1000),
  },
  {
    name: 'fleetbridge_vehicle_latitude_degrees',
    help: 'Latitude of the last known location in degrees.',
    isLive: false,
    from: (moment) => locationOf(moment)?.latitude,
  },
  {
    name: 'fleetbridge_vehicle_longitude_degrees',
    help: 'Longitude of the last known location in degrees.',
    isLive: false,
    from: (moment) => locationOf(moment)?.longitude,
  },
  {
    name: 'fleetbridge_vehicle_location_timestamp_seconds',
    help: 'Time of the last known location, as a Unix timestamp.',
    isLive: false,
    from: (moment) => (locationOf(moment) === undefined ? undefined : locationTimeMs(moment.state)! / 1000),
  },
  {
    name: 'fleetbridge_vehicle_heading_degrees',
    help: 'Heading in degrees, clockwise from north.',
    isLive: true,
    from: ({ state }) => signalNumber(state, 'GpsHeading'),
  },
  {
    name: 'fleetbridge_vehicle_speed_kmh',
    help: 'Speed in km/h. A parked vehicle may send no speed.',
    isLive: true,
    from: ({ state }) => kilometres(signalNumber(state, 'VehicleSpeed')),
  },
  {
    name: 'fleetbridge_vehicle_power_kw',
    help: 'Power in kW: positive for consumption, negative while regenerating or charging.',
    isLive: true,
    from: ({ state }) => (isPowerKnown(state) ? scaled(shownPowerKw(state), 1) : undefined),
  },
  {
    name: 'fleetbridge_vehicle_shift',
    help: '1 for the current shift letter: P, R, N or D. No series while charging.',
    isLive: true,
    label: 'shift',
    from: ({ state }) => shownShift(state),
  },
  {
    name: 'fleetbridge_vehicle_charge_state',
    help: '1 for the current charge state: Charging, Complete, Disconnected, Stopped …',
    isLive: true,
    label: 'state',
    from: ({ state }) => chargeState(state),
  },
  {
    name: 'fleetbridge_vehicle_time_to_full_charge_seconds',
    help: 'Time until the charge limit is reached in seconds, while charging.',
    isLive: true,
    from: ({ state }) => (isCharging(state) ? scaled(signalNumber(state, 'TimeToFullCharge'), 3600) : undefined),
  },
  {
    name: 'fleetbridge_vehicle_soc_percent',
    help: 'State of charge in percent: BatteryLevel, else Soc.',
    isLive: false,
    from: ({ state }) => stateOfCharge(state),
  },
  {
    name: 'fleetbridge_vehicle_charge_limit_percent',
    help: 'State of charge at which charging stops, in percent.',
    isLive: false,
    from: ({ state }) => signalNumber(state, 'ChargeLimitSoc'),
  },
  {
    name: 'fleetbridge_vehicle_rated_range_km',
    help: 'Rated range in km.',
    isLive: false,
    from: ({ state }) => kilometres(signalNumber(state, 'RatedRange')),
  },
  {
    name: 'fleetbridge_vehicle_estimated_range_km',
    help: 'Range estimated from recent consumption in km.',
    isLive: false,
    from: ({ state }) => kilometres(signalNumber(state, 'EstBatteryRange')),
  },
  {
    name: 'fleetbridge_vehicle_odometer_km',
    help: 'Odometer in km.',
    isLive: false,
    from: ({ state }) => kilometres(signalNumber(state, 'Odometer')),
  },
  {
    name: 'fleetbridge_vehicle_inside_temperature_celsius',
    help: 'Inside temperature in degrees Celsius.',
    isLive: true,
    from: ({ state }) => signalNumber(state, 'InsideTemp'),
  },
  {
    name: 'fleetbridge_vehicle_outside_temperature_celsius',
    help: 'Outside temperature in degrees Celsius.',
    isLive: true,
    from: ({ state }) => signalNumber(state, 'OutsideTemp'),
  },
];

/** The value of a gauge now; undefined: no series. */
export function shownNow({ isLive, from }: VehicleGauge, moment: VehicleMoment): number | string | undefined {
  if (isLive && !isLiveNow(moment)) return undefined;
  return from(moment);
}

function isLiveNow({ state, receivedMs, nowMs }: VehicleMoment): boolean {
  return state.connectivity?.isConnected === true && receivedMs !== undefined && nowMs - receivedMs < LIVE_MS;
}

/** For a disconnected vehicle the last known location does not expire. */
function locationOf(moment: VehicleMoment) {
  return locationAt(moment.state, isLiveNow(moment) ? moment.nowMs : (locationTimeMs(moment.state) ?? 0));
}

function locationTimeMs({ heldLocation, readings }: VehicleState): number | undefined {
  return (heldLocation ?? readings.get('Location'))?.timeMs;
}

/** The projection for TeslaMate is 0 for an unknown power, because TeslaMate needs a number. */
function isPowerKnown(state: VehicleState): boolean {
  return ['PackCurrent', 'ACChargingPower', 'DCChargingPower'].some((name) => signalNumber(state, name) !== undefined);
}

function chargeState({ readings }: VehicleState): string | undefined {
  const detailed = enumTailOf(readings.get('DetailedChargeState')?.value, 'DetailedChargeState');
  if (detailed !== undefined && detailed !== 'Unknown') return detailed;
  return enumTailOf(readings.get('ChargeState')?.value, 'ChargeState');
}

function kilometres(miles: number | undefined): number | undefined {
  return scaled(miles, KM_PER_MILE);
}

/** Six decimals: `19.955866`, not `19.955865600000003`; and 0 for -0. */
function scaled(value: number | undefined, factor: number): number | undefined {
  return value === undefined ? undefined : Number((value * factor).toFixed(6)) + 0;
}

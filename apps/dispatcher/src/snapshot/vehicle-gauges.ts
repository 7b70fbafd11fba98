// What the vehicle board shows, as one table: each gauge with its unit in its name, and the projection that it comes
// from. Unknown is absent, zero is a value. Pure.
import {
  CONNECTIVITY,
  enumTailOf,
  isCharging,
  locationAt,
  numberOf,
  shownPowerKw,
  shownShift,
  type VehicleState,
} from '@fleetbridge/vehicle-state';

/** A vehicle that has said nothing for so long is not shown as if it were driving, even if its connection is open. */
export const LIVE_MS = 300_000;

const KM_PER_MILE = 1.609_344;

export interface VehicleMoment {
  state: VehicleState;
  /** Time of its newest record, epoch ms; undefined = never heard. */
  heardMs: number | undefined;
  nowMs: number;
}

export interface VehicleGauge {
  name: string;
  help: string;
  /** Told only while the vehicle is connected and was heard of in the last five minutes: it is of the moment. */
  isLive: boolean;
  /** A state by its name, in this label; the value is then 1. */
  label?: 'shift' | 'state';
  from: (moment: VehicleMoment) => number | string | undefined;
}

/** The fields of a snapshot that the table needs. */
export const boardSignals: readonly string[] = [
  CONNECTIVITY,
  ...['Location', 'GpsHeading', 'VehicleSpeed', 'Gear', 'Odometer', 'PackVoltage', 'PackCurrent'],
  ...['Soc', 'BatteryLevel', 'ChargeLimitSoc', 'RatedRange', 'EstBatteryRange', 'InsideTemp', 'OutsideTemp'],
  ...['DetailedChargeState', 'ChargeState', 'ACChargingPower', 'DCChargingPower', 'TimeToFullCharge'],
];

export const vehicleGauges: readonly VehicleGauge[] = [
  {
    name: 'fleetbridge_vehicle_connected',
    help: 'Whether it is connected: 1 or 0.',
    isLive: false,
    from: ({ state: { connectivity } }) => (connectivity === undefined ? undefined : Number(connectivity.isConnected)),
  },
  {
    name: 'fleetbridge_vehicle_heard_timestamp_seconds',
    help: 'Time of its newest record, connect and disconnect included.',
    isLive: false,
    from: ({ heardMs }) => (heardMs === undefined ? undefined : heardMs / 1000),
  },
  {
    name: 'fleetbridge_vehicle_latitude_degrees',
    help: 'Where it is, or was last seen.',
    isLive: false,
    from: (moment) => locationOf(moment)?.latitude,
  },
  {
    name: 'fleetbridge_vehicle_longitude_degrees',
    help: 'Where it is, or was last seen.',
    isLive: false,
    from: (moment) => locationOf(moment)?.longitude,
  },
  {
    name: 'fleetbridge_vehicle_location_timestamp_seconds',
    help: 'When it was there.',
    isLive: false,
    from: (moment) => (locationOf(moment) === undefined ? undefined : locationTimeMs(moment.state)! / 1000),
  },
  {
    name: 'fleetbridge_vehicle_heading_degrees',
    help: 'Clockwise from north.',
    isLive: true,
    from: ({ state }) => signal(state, 'GpsHeading'),
  },
  {
    name: 'fleetbridge_vehicle_speed_kmh',
    help: 'Speed in km/h. A parked vehicle may have none.',
    isLive: true,
    from: ({ state }) => kilometres(signal(state, 'VehicleSpeed')),
  },
  {
    name: 'fleetbridge_vehicle_power_kw',
    help: 'Power in kW: positive when it is used, negative while regenerating or charging.',
    isLive: true,
    from: ({ state }) => (isPowerKnown(state) ? scaled(shownPowerKw(state), 1) : undefined),
  },
  {
    name: 'fleetbridge_vehicle_shift',
    help: '1 for the shift letter that is shown: P, R, N, D; none while charging.',
    isLive: true,
    label: 'shift',
    from: ({ state }) => shownShift(state),
  },
  {
    name: 'fleetbridge_vehicle_charge_state',
    help: '1 for the state of charging: Charging, Complete, Disconnected, Stopped …',
    isLive: true,
    label: 'state',
    from: ({ state }) => chargeState(state),
  },
  {
    name: 'fleetbridge_vehicle_time_to_full_charge_seconds',
    help: 'Time left to the charge limit, while charging.',
    isLive: true,
    from: ({ state }) => (isCharging(state) ? scaled(signal(state, 'TimeToFullCharge'), 3600) : undefined),
  },
  {
    name: 'fleetbridge_vehicle_soc_percent',
    help: 'State of charge.',
    isLive: false,
    from: ({ state }) => signal(state, 'Soc') ?? signal(state, 'BatteryLevel'),
  },
  {
    name: 'fleetbridge_vehicle_charge_limit_percent',
    help: 'State of charge at which charging ends.',
    isLive: false,
    from: ({ state }) => signal(state, 'ChargeLimitSoc'),
  },
  {
    name: 'fleetbridge_vehicle_rated_range_km',
    help: 'Rated range in km.',
    isLive: false,
    from: ({ state }) => kilometres(signal(state, 'RatedRange')),
  },
  {
    name: 'fleetbridge_vehicle_estimated_range_km',
    help: 'Range by recent consumption, in km.',
    isLive: false,
    from: ({ state }) => kilometres(signal(state, 'EstBatteryRange')),
  },
  {
    name: 'fleetbridge_vehicle_odometer_km',
    help: 'Odometer in km.',
    isLive: false,
    from: ({ state }) => kilometres(signal(state, 'Odometer')),
  },
  {
    name: 'fleetbridge_vehicle_inside_temperature_celsius',
    help: 'Temperature inside.',
    isLive: true,
    from: ({ state }) => signal(state, 'InsideTemp'),
  },
  {
    name: 'fleetbridge_vehicle_outside_temperature_celsius',
    help: 'Temperature outside.',
    isLive: true,
    from: ({ state }) => signal(state, 'OutsideTemp'),
  },
];

/** What a gauge shows of a vehicle now; undefined = nothing. */
export function shownNow({ isLive, from }: VehicleGauge, moment: VehicleMoment): number | string | undefined {
  if (isLive && !isOfTheMoment(moment)) return undefined;
  return from(moment);
}

function isOfTheMoment({ state, heardMs, nowMs }: VehicleMoment): boolean {
  return state.connectivity?.isConnected === true && heardMs !== undefined && nowMs - heardMs < LIVE_MS;
}

/** A vehicle that is gone is where it was last seen, so that counts as the moment that is asked for. */
function locationOf(moment: VehicleMoment) {
  return locationAt(moment.state, isOfTheMoment(moment) ? moment.nowMs : (locationTimeMs(moment.state) ?? 0));
}

function locationTimeMs({ heldLocation, readings }: VehicleState): number | undefined {
  return (heldLocation ?? readings.get('Location'))?.timeMs;
}

/** TeslaMate wants a number of every vehicle that is awake, so its projection says 0 where nothing is known. */
function isPowerKnown(state: VehicleState): boolean {
  return ['PackCurrent', 'ACChargingPower', 'DCChargingPower'].some((name) => signal(state, name) !== undefined);
}

function chargeState({ readings }: VehicleState): string | undefined {
  const detailed = enumTailOf(readings.get('DetailedChargeState')?.value, 'DetailedChargeState');
  if (detailed !== undefined && detailed !== 'Unknown') return detailed;
  return enumTailOf(readings.get('ChargeState')?.value, 'ChargeState');
}

function signal({ readings }: VehicleState, name: string): number | undefined {
  return numberOf(readings.get(name)?.value);
}

function kilometres(miles: number | undefined): number | undefined {
  return scaled(miles, KM_PER_MILE);
}

/** To six decimals: `19.955866`, not `19.955865600000003`; and there is one zero. */
function scaled(value: number | undefined, factor: number): number | undefined {
  return value === undefined ? undefined : Number((value * factor).toFixed(6)) + 0;
}

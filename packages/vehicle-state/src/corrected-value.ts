// The value of a signal with the known faults of vehicles corrected, for frames, states and metrics. Records, and what is
// delivered from them, keep what the vehicle sent.
import type { SignalValue } from '@fleetbridge/protocol';
import { milesOf, odometerUnit } from './odometer.js';
import { locationOf, numberOf, unquoted } from './signal-reading.js';
import type { VehicleState } from './state.js';

const PLACES = new Set(['Location', 'OriginLocation', 'DestinationLocation']);
const RANGES = new Set(['RatedRange', 'EstBatteryRange', 'IdealBatteryRange']);
/** Some Model S send it while they don't know the range. */
const UNKNOWN_RANGE_MILES = 999;

/** undefined: never received. null: unknown, because the vehicle marked it invalid or because it can't be true. */
export function correctedValue(state: VehicleState, name: string): SignalValue | undefined {
  const value = state.readings.get(name)?.value;
  if (value === undefined || value === null) return value;
  if (PLACES.has(name)) return locationOf(value) ?? null;
  if (RANGES.has(name) && numberOf(value) === UNKNOWN_RANGE_MILES) return null;
  if (name === 'Odometer') return odometerOf(state, value);
  return typeof value === 'string' ? unquoted(value) : value;
}

/** The corrected value of a signal, if it is a number. */
export function signalNumber(state: VehicleState, name: string): number | undefined {
  return numberOf(correctedValue(state, name));
}

function odometerOf({ odometerMarks }: VehicleState, value: Exclude<SignalValue, null>): SignalValue {
  const unit = odometerUnit(odometerMarks);
  const sent = numberOf(value);
  if (unit === 'km' && sent !== undefined) return milesOf(sent, unit);
  return typeof value === 'string' ? unquoted(value) : value;
}

// The vehicle's location in a frame. In a tunnel the vehicle marks Location invalid; frames then use the last valid one for
// a minute, so that the drive has no gap. Outside a drive the last valid location never expires: a charge in a garage
// without reception must still produce frames.
import { isInDrive } from './shift-and-power.js';
import { type Location, locationOf } from './signal-reading.js';
import type { VehicleState } from './state.js';

/** From the time of the last valid location, by the records' clock. */
const HELD_LOCATION_MS = 60_000;

/** Degrees. undefined if unknown, or if the last valid location is too old at `atMs` during a drive. */
export function locationAt(state: VehicleState, atMs: number): Location | undefined {
  const { readings, heldLocation } = state;
  const location = locationOf(readings.get('Location')?.value);
  if (location || !heldLocation) return location;
  if (isInDrive(state) && atMs - heldLocation.timeMs > HELD_LOCATION_MS) return undefined;
  return locationOf(heldLocation.value);
}

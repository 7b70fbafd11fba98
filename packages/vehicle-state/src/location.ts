// Where the vehicle is, for a frame. In a tunnel it marks Location invalid; the last good one then stands in for a
// minute, so that the drive has no hole. A vehicle that is not in a drive stays where it was last seen: in a garage
// without reception its charge must still be told.

import { isInDrive } from './shift-and-power.js';
import { type Location, locationOf } from './signal-reading.js';
import type { VehicleState } from './state.js';

/** Counted from the time of the good location, in the records' time. */
const HELD_LOCATION_MS = 60_000;

/** Degrees; undefined when it is unknown, or the last good location is too old at `atMs` for a vehicle in a drive. */
export function locationAt(state: VehicleState, atMs: number): Location | undefined {
  const { readings, heldLocation } = state;
  const location = locationOf(readings.get('Location')?.value);
  if (location || !heldLocation) return location;
  if (isInDrive(state) && atMs - heldLocation.timeMs > HELD_LOCATION_MS) return undefined;
  return locationOf(heldLocation.value);
}

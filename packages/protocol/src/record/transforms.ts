// The Go server's changes to a payload before it publishes it (docs/protocol/vehicle.md#processing). The log stores what
// the vehicle sent; the changes apply when a record is read.
import { Field, shortestFloat, type Timestamp, type VehicleAlerts, type VehicleData } from '../messages/index.js';

const LOCATION_TEXT = /^\((\d+(?:\.\d+)?) ([NS]), (\d+(?:\.\d+)?) ([EW])\)$/;
const SCIENTIFIC_TEXT = /^[+-]?(\d*\.\d+|\d+\.\d*)[eE][+-]?\d+$/;
// An alert's time from this number of seconds on (year 11970) is in milliseconds.
const SECONDS_ARE_MILLISECONDS = 315_576_000_000;

/**
 * The first Location given as text becomes a location; floats in scientific notation get five decimals; a 32-bit float
 * becomes its shortest decimal. Changes the message in place.
 */
export function transformVehicleData(message: VehicleData): VehicleData {
  const data = message.data ?? [];
  const location = data.find(({ key, value }) => key === Field.Location && typeof value?.stringValue === 'string');
  const parsed = location && parseLocation(location.value!.stringValue!);
  if (parsed) location.value = { locationValue: parsed };
  for (const { value } of data) {
    if (typeof value?.stringValue === 'string') value.stringValue = fixedNotation(value.stringValue);
    if (typeof value?.floatValue === 'number') value.floatValue = shortestFloat(value.floatValue);
  }
  return message;
}

/** Converts alert times in milliseconds to seconds. Changes the message in place. */
export function transformAlerts(message: VehicleAlerts): VehicleAlerts {
  for (const alert of message.alerts ?? []) {
    correctMilliseconds(alert.startedAt);
    correctMilliseconds(alert.endedAt);
  }
  return message;
}

/** `(37.412374 N, 122.145867 W)` → degrees, south and west negative; undefined for other text. */
export function parseLocation(text: string): { latitude: number; longitude: number } | undefined {
  const match = LOCATION_TEXT.exec(text);
  if (!match) return undefined;
  const [, latitude, northSouth, longitude, eastWest] = match;
  return {
    latitude: northSouth === 'S' ? -Number(latitude) : Number(latitude),
    longitude: eastWest === 'W' ? -Number(longitude) : Number(longitude),
  };
}

/** `1.5e-3` → `0.00150`, through a 32-bit float as in the Go server; returns other text unchanged. */
export function fixedNotation(text: string): string {
  if (!SCIENTIFIC_TEXT.test(text)) return text;
  const value = Math.fround(Number(text));
  if (!Number.isFinite(value)) return text;
  // from here toFixed prints exponents, and a float has no fraction
  if (Math.abs(value) >= 1e21) return `${BigInt(value)}.00000`;
  return toFiveDecimals(value);
}

/** Ties go to the even digit, as in Go; toFixed rounds them up. A 32-bit float times 1e5 is exact in a double. */
function toFiveDecimals(value: number): string {
  const scaled = value * 1e5;
  const below = Math.floor(scaled);
  if (scaled - below !== 0.5) return value.toFixed(5);
  return ((below % 2 === 0 ? below : below + 1) / 1e5).toFixed(5);
}

function correctMilliseconds(timestamp: Timestamp | null | undefined): void {
  if (!timestamp) return;
  const value = Number(timestamp.seconds ?? 0);
  if (value < SECONDS_ARE_MILLISECONDS) return;
  timestamp.seconds = Math.floor(value / 1000);
  timestamp.nanos = (value % 1000) * 1e6;
}

// Reads signal values by their meaning. Vehicles with an old configuration (`prefer_typed: false`) send numbers, enums and
// flags as text, and firmware 2024.26.3 puts each text into a second pair of quotes, so each function accepts all of them.
// undefined = unknown: invalid, or of another type.
import { parseLocation, type SignalValue } from '@fleetbridge/protocol';

export interface Location {
  latitude: number;
  longitude: number;
}

const NUMBER_TEXT = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** The text without one pair of quotes around it: `"R"` → `R`. */
export function unquoted(text: string): string {
  return /^\s*"(.*)"\s*$/s.exec(text)?.[1] ?? text;
}

/** `12.4`, `"12.4"` → 12.4. Zero is a value. */
export function numberOf(value: SignalValue | undefined): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string') return undefined;
  const text = plainText(value);
  // Number() alone accepts "" as 0, and "0x1f"
  return NUMBER_TEXT.test(text) ? numberOf(Number(text)) : undefined;
}

/**
 * The member's name without the enum's: with the prefix `ShiftState`, `"ShiftStateD"` and `"D"` → `D`. undefined for a
 * number, which is a member that the schema lacks.
 */
export function enumTailOf(value: SignalValue | undefined, prefix: string): string | undefined {
  if (typeof value !== 'string') return undefined;
  const text = plainText(value);
  const tail = text.startsWith(prefix) ? text.slice(prefix.length) : text;
  return tail === '' ? undefined : tail;
}

/** `true`, `"true"`, `"True"` → true. */
export function booleanOf(value: SignalValue | undefined): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'string') return undefined;
  const text = plainText(value).toLowerCase();
  return text === 'true' ? true : text === 'false' ? false : undefined;
}

/** Degrees. undefined if a coordinate is missing, not finite or out of range, and for exactly 0,0: there was no fix. */
export function locationOf(value: SignalValue | undefined): Location | undefined {
  const place = typeof value === 'string' ? parseLocation(plainText(value)) : value;
  if (typeof place !== 'object' || place === null) return undefined;
  const { latitude, longitude } = place as Partial<Location>;
  if (!isWithin(latitude, 90) || !isWithin(longitude, 180) || (latitude === 0 && longitude === 0)) return undefined;
  return { latitude, longitude };
}

function plainText(value: string): string {
  return unquoted(value).trim();
}

function isWithin(degrees: number | undefined, limit: number): degrees is number {
  return typeof degrees === 'number' && Math.abs(degrees) <= limit;
}

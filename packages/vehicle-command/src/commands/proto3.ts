// proto3 doesn't write a zero, false or an empty text; the encoder writes every field that is not null. A member of a
// oneof is written even if it is zero: give it as it is.

/** The value, or null if proto3 leaves it out. */
export function field<T extends number | boolean | string>(value: T): T | null {
  return value === 0 || value === false || value === '' ? null : value;
}

// Signals of type float are 32 bits wide. As a JavaScript number, 2.9 becomes 2.9000000953674316.

const SMALLEST_NORMAL = 2 ** -126;
/** So many digits always survive the way through a normal 32-bit float, and nine identify each float. */
const SAFE_DIGITS = 6;
const MAX_DIGITS = 9;

/** The shortest decimal that reads back as the same 32-bit float, as Go prints it: 2.9. Keeps NaN, infinities and -0. */
export function shortestFloat(value: number): number {
  const float = Math.fround(value);
  if (!Number.isFinite(float) || float === 0) return float;
  for (let digits = Math.abs(float) < SMALLEST_NORMAL ? 1 : SAFE_DIGITS; digits < MAX_DIGITS; digits++) {
    const short = Number(float.toPrecision(digits));
    if (Math.fround(short) === float) return short;
  }
  return Number(float.toPrecision(MAX_DIGITS));
}

// Order of the log's entry ids, `<ms>-<seq>`. Compared as numbers, yet without making any: as text "9-0" would come
// after "10-0", and as a double a 64-bit number loses its last digits.

/** Whether entry `a` was appended after entry `b`. */
export function isNewerEntry(a: string, b: string): boolean {
  const aDash = a.indexOf('-');
  const bDash = b.indexOf('-');
  const order = compareDigits(a.slice(0, aDash), b.slice(0, bDash));
  return order !== 0 ? order > 0 : compareDigits(a.slice(aDash + 1), b.slice(bDash + 1)) > 0;
}

/** Redis writes no leading zeros, so the longer number is the greater. */
function compareDigits(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

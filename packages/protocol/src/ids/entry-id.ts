// Ids of log entries, `<ms>-<sequence>`, as Redis Streams assign them: they grow along a partition's log and serve as
// cursors. They are compared as numbers without creating any: as text "9-0" sorts after "10-0", and a double drops the
// last digits of a 64-bit sequence. The comparison runs for every reading of every record.

/** The cursor before the first entry. */
export const BEGINNING = '0-0';

/** Negative, zero or positive when entry `a` is before, at or after `b`. An id without a sequence has sequence 0. */
export function compareEntryIds(a: string, b: string): number {
  const aDash = a.indexOf('-');
  const bDash = b.indexOf('-');
  const order = compareDigits(aDash < 0 ? a : a.slice(0, aDash), bDash < 0 ? b : b.slice(0, bDash));
  return order !== 0
    ? order
    : compareDigits(aDash < 0 ? '0' : a.slice(aDash + 1), bDash < 0 ? '0' : b.slice(bDash + 1));
}

export function isAfter(entryId: string, cursor: string): boolean {
  return compareEntryIds(entryId, cursor) > 0;
}

/** The cursor of a reader that has received everything before this entry, but not the entry itself. */
export function justBefore(entryId: string): string {
  const [ms, sequence] = entryId.split('-').map(Number) as [number, number];
  if (sequence > 0) return `${ms}-${sequence - 1}`;
  return ms > 0 ? `${ms - 1}-${Number.MAX_SAFE_INTEGER}` : BEGINNING;
}

/** When Redis appended the entry, epoch milliseconds. */
export function entryMs(entryId: string): number {
  return Number.parseInt(entryId, 10);
}

/** Redis writes no leading zeros, so the longer number is the greater one. Cursors from clients may have some. */
function compareDigits(a: string, b: string): number {
  if (a.length !== b.length) {
    if (hasLeadingZero(a) || hasLeadingZero(b)) return compareDigits(withoutZeros(a), withoutZeros(b));
    return a.length - b.length;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

function hasLeadingZero(digits: string): boolean {
  return digits.length > 1 && digits.charCodeAt(0) === 48;
}

function withoutZeros(digits: string): string {
  return digits.replace(/^0+(?=\d)/, '');
}

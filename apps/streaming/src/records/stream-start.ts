// Where a client wants to begin, from the text that it gives: a cursor, a time, or nothing for what comes next.
import { parseCursor } from './log-cursor.js';
import type { StreamStart } from './record-stream.js';

/** A text: what is wrong, for the client. A cursor counts more than a time. */
export function streamStart(
  { cursor, from }: { cursor?: string | undefined; from?: string | undefined },
  partitions: number,
): StreamStart | string {
  if (cursor !== undefined && cursor !== '') {
    const positions = parseCursor(cursor, partitions);
    return positions === undefined ? 'that is no cursor of this log' : { kind: 'cursor', positions };
  }
  if (from === undefined || from === '') return { kind: 'live' };
  const fromMs = Date.parse(from);
  return Number.isNaN(fromMs) ? 'from: expected a time such as 2026-11-01T12:00:00Z' : { kind: 'time', fromMs };
}

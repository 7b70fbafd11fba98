// Where a stream starts, from the client's parameters: at a cursor, at a time, or with the next record.
import { parseCursor } from './log-cursor.js';
import type { StreamStart } from './record-stream.js';

/** A returned text is an error message for the client. A cursor takes precedence over a time. */
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

// A position in the log as clients keep it: `<partition>:<entry id>`, joined by commas when a subscription spans several
// partitions. Clients can join the cursors of several vehicles; of two positions in one partition the earlier one applies.
import { compareEntryIds } from '@fleetbridge/protocol';

/** Entry id by partition: the last entry that the client has. */
export type Positions = ReadonlyMap<number, string>;

const POSITION = /^(\d{1,4}):(\d{1,15}-\d{1,20})$/;
const MAX_CURSOR_LENGTH = 65_536;

export function formatCursor(positions: Positions): string {
  return [...positions].map(([partition, id]) => `${partition}:${id}`).join(',');
}

/** undefined: not a cursor of this log. */
export function parseCursor(text: string, partitions: number): Positions | undefined {
  if (text.length > MAX_CURSOR_LENGTH) return undefined;
  const positions = new Map<number, string>();
  for (const position of text.split(',')) {
    const [, number, id] = POSITION.exec(position.trim()) ?? [];
    const partition = Number(number);
    if (id === undefined || !(partition < partitions)) return undefined;
    const known = positions.get(partition);
    if (known === undefined || compareEntryIds(id, known) < 0) positions.set(partition, id);
  }
  return positions;
}

// A place in the log as clients keep it: `<partition>:<entry id>`, joined by commas when a subscription spans several
// partitions. Cursors of several vehicles may be joined by the client; of a partition that is in it twice the earlier
// place counts.
import { compareEntryIds } from '@fleetbridge/protocol';

/** Entry id by partition: all that is at or before it is known. */
export type Positions = ReadonlyMap<number, string>;

const PLACE = /^(\d{1,4}):(\d{1,15}-\d{1,20})$/;
const LONGEST_CURSOR = 65_536;

export function formatCursor(positions: Positions): string {
  return [...positions].map(([partition, id]) => `${partition}:${id}`).join(',');
}

/** undefined: it is no cursor of this log. */
export function parseCursor(text: string, partitions: number): Positions | undefined {
  if (text.length > LONGEST_CURSOR) return undefined;
  const positions = new Map<number, string>();
  for (const place of text.split(',')) {
    const [, number, id] = PLACE.exec(place.trim()) ?? [];
    const partition = Number(number);
    if (id === undefined || !(partition < partitions)) return undefined;
    const known = positions.get(partition);
    if (known === undefined || compareEntryIds(id, known) < 0) positions.set(partition, id);
  }
  return positions;
}

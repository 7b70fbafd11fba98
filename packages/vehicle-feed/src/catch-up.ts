// Reads a partition of the log once more, up to where its tail is, while the tail keeps reading.
import { isAfter } from '@fleetbridge/protocol';
import type { LogEntry, LogPages } from '@fleetbridge/store';

export interface CatchUpOptions {
  pages: Pick<LogPages, 'after'>;
  partition: number;
  /** Begins with the entry after this one. */
  after: string;
  /** The last entry that the tail has delivered. */
  readUpTo: (partition: number) => string;
  onEntry: (entry: LogEntry) => void;
  /** Called in the very turn in which everything up to `readUpTo` has been read: the tail's next entry comes next. */
  onReached: () => void;
}

const PAGE_ENTRIES = 1_000;

/** Rejects when Redis does not answer. */
export async function catchUp({ pages, partition, readUpTo, onEntry, onReached, ...from }: CatchUpOptions) {
  let { after } = from;
  for (let end = readUpTo(partition); isAfter(end, after); end = readUpTo(partition)) {
    const entries = await pages.after(partition, after, PAGE_ENTRIES);
    const delivered = readUpTo(partition);
    // the entries between the two were trimmed
    if (entries.length === 0) after = end;
    for (const entry of entries) {
      // the tail will deliver what it has not delivered yet
      after = isAfter(entry.id, delivered) ? delivered : entry.id;
      if (after !== entry.id) break;
      onEntry(entry);
    }
  }
  onReached();
}

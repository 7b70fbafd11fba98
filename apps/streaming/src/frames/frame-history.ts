// How a process gets at frames that it has not seen: by reading the log again from a checkpoint, once for all vehicles
// that need it. The tail goes on meanwhile; a vehicle's new track takes over in the very turn in which it has read as
// far as the tail has.
import {
  BEGINNING,
  compareEntryIds,
  type LogEntry,
  type LogPages,
  partitionOf,
} from '@fleetbridge/store';
import { parseCheckpoint } from './checkpoint.js';
import { entryMs, isAfter, justBefore } from './frame.js';
import { type FrameBuilder, trackFromCheckpoint } from './frame-builder.js';

export interface FrameHistoryOptions {
  pages: Pick<LogPages, 'after'>;
  store: Pick<Store, 'partitionOf'>;
  windowMs: number;
  /** The last entry that the tail of a partition has brought. */
  readUpTo: (partition: number) => string;
}

interface Rebuilding {
  vin: string;
  from: string;
  track: FrameBuilder;
  takeOver: (track: FrameBuilder) => void;
}

const ENTRIES_A_READ = 1_000;

export class FrameHistory {
  readonly #options: FrameHistoryOptions;
  /** By partition: who waits for the next pass, and that pass. */
  readonly #next = new Map<number, { wanted: Rebuilding[]; done: Promise<void> }>();
  readonly #running = new Map<number, Promise<unknown>>();

  constructor(options: FrameHistoryOptions) {
    this.#options = options;
  }

  /** `takeOver` is called with a track that has everything up to `readUpTo`, exactly. Throws when Redis does not answer. */
  rebuild(vin: string, checkpoint: Checkpoint, takeOver: (track: FrameBuilder) => void): Promise<void> {
    const partition = this.#options.store.partitionOf(vin);
    const track = trackFromCheckpoint(checkpoint, this.#options.windowMs);
    let pass = this.#next.get(partition);
    if (pass === undefined) {
      const wanted: Rebuilding[] = [];
      const before = this.#running.get(partition) ?? Promise.resolve();
      // later in this turn, or while another pass runs, more may join
      const done = before.then(() => {
        this.#next.delete(partition);
        return this.#pass(partition, wanted);
      });
      this.#running.set(
        partition,
        done.catch(() => {}),
      );
      pass = { wanted, done };
      this.#next.set(partition, pass);
    }
    pass.wanted.push({ vin, from: checkpoint.entryId, track, takeOver });
    return pass.done;
  }

  async #pass(partition: number, wanted: Rebuilding[]): Promise<void> {
    const { pages, readUpTo } = this.#options;
    const byVin = new Map<string, Rebuilding[]>();
    for (const one of wanted) byVin.set(one.vin, [...(byVin.get(one.vin) ?? []), one]);
    let after = wanted.map(({ from }) => from).reduce((a, b) => (compareEntryIds(a, b) < 0 ? a : b));
    for (let end = readUpTo(partition); isAfter(end, after); end = readUpTo(partition)) {
      const entries = await pages.after(partition, after, ENTRIES_A_READ);
      const seen = readUpTo(partition);
      // nothing between the two: it has been trimmed
      if (entries.length === 0) after = end;
      for (const entry of entries) {
        // what the tail has not brought yet it will bring
        after = isAfter(entry.id, seen) ? seen : entry.id;
        if (after !== entry.id) break;
        for (const one of byVin.get(entry.vin) ?? []) {
          if (isAfter(entry.id, one.from)) replay(one.track, entry);
        }
      }
    }
    for (const { track, takeOver } of wanted) takeOver(track);
  }
}

function replay(track: FrameBuilder, entry: LogEntry): void {
  try {
    const decoded = decodeRecord(entry.topic, entry.payload);
    if (decoded) track.record(entry, decoded);
  } catch (error) {
    // the tail has counted and told it
    if (!(error instanceof RecordDecodeError)) throw error;
  }
}

/**
 * The newest checkpoint from which everything can be made that a slot has not confirmed; if there is none, the oldest.
 * Those before `oldestMs` are not worth their reading.
 */
export function chooseCheckpoint(
  checkpoints: readonly Checkpoint[],
  { cursors, oldestMs }: { cursors: readonly string[]; oldestMs: number },
): Checkpoint | undefined {
  const lowest = cursors.reduce<string | undefined>(
    (low, cursor) => (low === undefined || compareEntryIds(cursor, low) < 0 ? cursor : low),
    undefined,
  );
  const usable = checkpoints.filter(({ entryId }) => entryMs(entryId) >= oldestMs);
  const isEnough = (checkpoint: Checkpoint) =>
    lowest === undefined || !isAfter(justBefore(parseCheckpoint(checkpoint).present?.entryId ?? BEGINNING), lowest);
  return usable.findLast(isEnough) ?? usable[0];
}

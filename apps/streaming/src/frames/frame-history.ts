// Rebuilds frames that this process has not seen, by reading the log again from a checkpoint, once for all vehicles that
// need it. The tail keeps reading meanwhile: a builder takes over in the very turn in which it has caught up.
import { BEGINNING, compareEntryIds, entryMs, isAfter, justBefore } from '@fleetbridge/protocol';
import type { Checkpoint, LogPages, Store } from '@fleetbridge/store';
import { catchUp, decodedOrUndefined } from '@fleetbridge/vehicle-feed';
import { parseCheckpoint } from './checkpoint.js';
import { builderFromCheckpoint, type FrameBuilder } from './frame-builder.js';

export interface FrameHistoryOptions {
  pages: Pick<LogPages, 'after'>;
  store: Pick<Store, 'partitionOf'>;
  windowMs: number;
  /** The last entry that the tail of a partition has delivered. */
  readUpTo: (partition: number) => string;
}

interface Rebuild {
  vin: string;
  from: string;
  builder: FrameBuilder;
  takeOver: (builder: FrameBuilder) => void;
}

export class FrameHistory {
  readonly #options: FrameHistoryOptions;
  /** By partition: the rebuilds that wait for the next pass, and that pass. */
  readonly #next = new Map<number, { rebuilds: Rebuild[]; done: Promise<void> }>();
  readonly #running = new Map<number, Promise<unknown>>();

  constructor(options: FrameHistoryOptions) {
    this.#options = options;
  }

  /** Calls `takeOver` with a builder that has exactly everything up to `readUpTo`. Rejects when Redis does not answer. */
  rebuild(vin: string, checkpoint: Checkpoint, takeOver: (builder: FrameBuilder) => void): Promise<void> {
    const partition = this.#options.store.partitionOf(vin);
    const builder = builderFromCheckpoint(checkpoint, this.#options.windowMs);
    let pass = this.#next.get(partition);
    if (pass === undefined) {
      const rebuilds: Rebuild[] = [];
      const before = this.#running.get(partition) ?? Promise.resolve();
      // more rebuilds can join later in this turn, or while another pass runs
      const done = before.then(() => {
        this.#next.delete(partition);
        return this.#pass(partition, rebuilds);
      });
      this.#running.set(
        partition,
        done.catch(() => {}),
      );
      pass = { rebuilds, done };
      this.#next.set(partition, pass);
    }
    pass.rebuilds.push({ vin, from: checkpoint.entryId, builder, takeOver });
    return pass.done;
  }

  async #pass(partition: number, rebuilds: Rebuild[]): Promise<void> {
    const { pages, readUpTo } = this.#options;
    const byVin = new Map<string, Rebuild[]>();
    for (const one of rebuilds) byVin.set(one.vin, [...(byVin.get(one.vin) ?? []), one]);
    await catchUp({
      pages,
      partition,
      after: rebuilds.map(({ from }) => from).reduce((a, b) => (compareEntryIds(a, b) < 0 ? a : b)),
      readUpTo,
      onEntry: (entry) => {
        const wanted = byVin.get(entry.vin)?.filter(({ from }) => isAfter(entry.id, from)) ?? [];
        const decoded = wanted.length > 0 ? decodedOrUndefined(entry) : undefined;
        if (decoded) for (const { builder } of wanted) builder.record(entry, decoded);
      },
      onReached: () => {
        for (const { builder, takeOver } of rebuilds) takeOver(builder);
      },
    });
  }
}

/**
 * The newest checkpoint that comes before everything that a slot has not confirmed; without one, the
 * oldest. Checkpoints before `oldestMs` are ignored.
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

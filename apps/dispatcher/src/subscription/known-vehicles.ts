// The newest readings of the vehicles of a partition, for deliveries that publish them again: the snapshots, and the log
// after them.
import { compareEntryIds, decodeRecord, isAfter, RecordDecodeError } from '@fleetbridge/protocol';
import { type LogEntry, LogPages, SnapshotStore, type Store } from '@fleetbridge/store';
import { emptyState, mergeRecord, mergeStates, stateFromHash, type VehicleState } from '@fleetbridge/vehicle-state';

export interface VehicleKnowledge {
  vin: string;
  state: VehicleState;
}

const ENTRIES_PER_PAGE = 500;

export interface KnownVehiclesOptions {
  store: Store;
  partition: number;
  /** Undefined: all vehicles. */
  vins?: readonly string[] | undefined;
}

/** Merged up to an entry at least. Readings of later entries may be included. */
export async function* readKnownVehicles(
  { store, partition, vins }: KnownVehiclesOptions,
  upTo: string,
): AsyncGenerator<VehicleKnowledge> {
  const snapshots = new SnapshotStore(store);
  const isAdmitted = (vin: string) => vins === undefined || vins.includes(vin);
  // before the hashes, which then include everything up to it
  const cursor = await snapshots.cursor(partition);
  const later = await statesAfter(store, { partition, cursor, upTo, isAdmitted });
  const known = (await snapshots.vinsIn(partition)).filter(isAdmitted);
  for (const vin of new Set([...known, ...later.keys()])) {
    const { state } = stateFromHash((await snapshots.read(vin)).hash);
    yield { vin, state: mergeStates(state, later.get(vin) ?? emptyState()) };
  }
}

async function statesAfter(
  store: Store,
  {
    partition,
    cursor,
    upTo,
    isAdmitted,
  }: { partition: number; cursor: string; upTo: string; isAdmitted: (vin: string) => boolean },
): Promise<Map<string, VehicleState>> {
  const pages = new LogPages(store);
  const states = new Map<string, VehicleState>();
  for (let at = cursor; compareEntryIds(at, upTo) < 0; ) {
    const entries = await pages.after(partition, at, ENTRIES_PER_PAGE);
    for (const entry of entries) {
      if (isAfter(entry.id, upTo)) return states;
      if (isAdmitted(entry.vin)) merge(states, entry);
    }
    if (entries.length < ENTRIES_PER_PAGE) return states;
    at = entries.at(-1)!.id;
  }
  return states;
}

function merge(states: Map<string, VehicleState>, entry: LogEntry): void {
  try {
    const decoded = decodeRecord(entry.topic, entry.payload);
    if (decoded === undefined) return;
    const state = states.get(entry.vin) ?? emptyState();
    states.set(entry.vin, state);
    mergeRecord(state, { entryId: entry.id, timeMs: entry.createdMs, decoded });
  } catch (error) {
    // the worker of the snapshots reports it
    if (!(error instanceof RecordDecodeError)) throw error;
  }
}

// Which values of a record are older than ones that its endpoint already has, for endpoints that keep the last value, for
// example an MQTT broker. Records that a vehicle sends late are later in the log than newer ones. What was delivered before this
// process started follows from the snapshot.
import { isAfter } from '@fleetbridge/protocol';
import type { LogEntry, SnapshotStore } from '@fleetbridge/store';
import { CONNECTIVITY, isNewerReading, type ReadingTime, stateFromHash } from '@fleetbridge/vehicle-state';

/** Vehicles per subscription and partition in memory; others are read from their snapshots again. */
const MAX_VINS = 5_000;

interface KnownValues {
  delivered: Map<string, ReadingTime>;
  /** When the vehicle was read. It can be ahead of the deliveries. */
  snapshot: ReadonlyMap<string, ReadingTime>;
}

/** The values of one record. */
export interface RecordValues {
  /** For the name of a signal, of `@connectivity`, or of anything else that the endpoint keeps the last value of. */
  isOutdated: (name: string) => boolean;
  /** Remembers the names that were asked for and are not outdated. */
  delivered: () => void;
}

export interface NewestValuesOptions {
  snapshots: Pick<SnapshotStore, 'read'>;
  maxVins?: number;
}

export class NewestValues {
  readonly #options: NewestValuesOptions;
  readonly #known = new Map<string, KnownValues>();

  constructor(options: NewestValuesOptions) {
    this.#options = options;
  }

  /** `isRedelivery`: of a dead letter, after which later records may have been delivered. Rejects when Redis is away. */
  async of({ vin, id, createdMs }: LogEntry, isRedelivery: boolean): Promise<RecordValues> {
    const known = await this.#knownOf(vin);
    const asked = new Map<string, ReadingTime>();
    return {
      isOutdated: (name) => {
        // a connectivity record follows the order of the log
        const value = { timeMs: name === CONNECTIVITY ? 0 : createdMs, entryId: id };
        if (isOutdated(value, known.delivered.get(name), true)) return true;
        if (isOutdated(value, known.snapshot.get(name), isRedelivery)) return true;
        asked.set(name, value);
        return false;
      },
      delivered: () => {
        for (const [name, value] of asked) known.delivered.set(name, value);
      },
    };
  }

  async #knownOf(vin: string): Promise<KnownValues> {
    let known = this.#known.get(vin);
    this.#known.delete(vin);
    known ??= { delivered: new Map(), snapshot: timesOf((await this.#options.snapshots.read(vin)).hash) };
    this.#known.set(vin, known);
    const { maxVins = MAX_VINS } = this.#options;
    if (this.#known.size > maxVins) this.#known.delete(this.#known.keys().next().value!);
    return known;
  }
}

/**
 * Whether `known` is newer and the endpoint has it. That of a later entry, unless it was delivered, is still to come: the
 * values before it are delivered as usual.
 */
export function isOutdated(value: ReadingTime, known: ReadingTime | undefined, isDelivered: boolean): boolean {
  if (known === undefined || known.entryId === value.entryId || !isNewerReading(known, value)) return false;
  return isDelivered || isAfter(value.entryId, known.entryId);
}

function timesOf(hash: Record<string, string>): Map<string, ReadingTime> {
  const { readings, connectivity } = stateFromHash(hash).state;
  const times = new Map<string, ReadingTime>();
  for (const [name, { timeMs, entryId }] of readings) times.set(name, { timeMs, entryId });
  if (connectivity) times.set(CONNECTIVITY, { timeMs: 0, entryId: connectivity.entryId });
  return times;
}

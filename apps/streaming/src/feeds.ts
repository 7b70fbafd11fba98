// All vehicles of the log, as feeds. One tail a partition, from the cursor of its snapshots: whoever is asked for is
// then complete with the snapshot alone, and no subscriber costs a scan of the log.
import { decodeRecord, RecordDecodeError } from '@fleetbridge/protocol';
import { type LogEntry, LogTail, type SnapshotStore } from '@fleetbridge/record-log';
import type { Logger } from '@fleetbridge/service';
import { stateFromHash } from '@fleetbridge/vehicle-state';
import type { StreamingCounts } from './metrics.js';
import { VehicleFeed } from './vehicle-feed.js';

export interface FeedsOptions {
  url: string;
  namespace: string;
  partitions: number;
  snapshots: Pick<SnapshotStore, 'read' | 'cursor'>;
  counts: StreamingCounts;
  log: Logger;
  now: () => number;
  /** Whether the log can be read, on every change. */
  onReadable: (isReadable: boolean) => void;
}

export class Feeds {
  readonly #options: FeedsOptions;
  readonly #byVin = new Map<string, VehicleFeed>();
  #tails: LogTail[] = [];

  constructor(options: FeedsOptions) {
    this.#options = options;
  }

  /** Resolves when the feeds are at the present. */
  async start(): Promise<void> {
    const { partitions, snapshots } = this.#options;
    const cursors = await Promise.all(
      Array.from({ length: partitions }, (_, partition) => snapshots.cursor(partition)),
    );
    this.#tails = cursors.map((from, partition) => this.#tail(partition, from));
    for (const tail of this.#tails) tail.start();
    // nobody is told of a past that the log has already moved on from
    await Promise.all(this.#tails.map((tail) => tail.caughtUp));
  }

  /** How far a partition has been read. */
  cursor(partition: number): string {
    return this.#tails[partition]!.cursor;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#tails.map((tail) => tail.stop()));
    for (const feed of this.#byVin.values()) feed.stop();
  }

  /** The feed of a VIN, known or not. */
  of(vin: string): VehicleFeed {
    const known = this.#byVin.get(vin);
    if (known) return known;
    const { now, snapshots } = this.#options;
    const feed = new VehicleFeed({
      now,
      loadSnapshot: async () => stateFromHash((await snapshots.read(vin)).hash).state,
    });
    this.#byVin.set(vin, feed);
    return feed;
  }

  #tail(partition: number, from: string): LogTail {
    const { url, namespace, log, counts, onReadable } = this.#options;
    return new LogTail({
      url,
      namespace,
      partition,
      from,
      name: 'fleetbridge-streaming',
      onEntries: (entries) => {
        for (const entry of entries) this.#entry(entry);
      },
      onGap: (gap) => {
        counts.gaps++;
        log.error({ partition, ...gap }, 'streaming_gap');
      },
      onTrouble: (err) => {
        onReadable(false);
        log.warn({ err, partition }, 'log_unreadable');
      },
      onRecovered: () => {
        onReadable(!this.#tails.some(({ isInTrouble }) => isInTrouble));
        log.info({ partition }, 'log_readable');
      },
    });
  }

  #entry(entry: LogEntry): void {
    const { counts, log } = this.#options;
    counts.records++;
    try {
      const decoded = decodeRecord(entry.topic, entry.payload);
      if (decoded) this.of(entry.vin).record(entry, decoded);
    } catch (error) {
      if (!(error instanceof RecordDecodeError)) throw error;
      counts.undecodable++;
      log.warn({ entry: entry.id, vin: entry.vin, topic: entry.topic }, 'record_undecodable');
    }
  }
}

// Keeps the snapshots of one partition: follows the log, merges each record, and writes what changed together with
// the cursor, at most every 250 ms. A lease makes sure that only one process does; whoever loses it writes nothing more.
import { type DecodedRecord, decodeRecord, RecordDecodeError } from '@fleetbridge/protocol';
import type { Logger } from '@fleetbridge/service';
import {
  acquireLease,
  type HeldLease,
  LeaseLost,
  type LogEntry,
  LogTail,
  releaseLease,
  renewLease,
  SNAPSHOT_LEASE,
  type SnapshotChanges,
  SnapshotStore,
  type Store,
} from '@fleetbridge/store';
import { mergeRecord, readingsToHash, stateFromHash, type VehicleState } from '@fleetbridge/vehicle-state';

export const SNAPSHOT_LEASE_MS = 10_000;
const COMMIT_EVERY_MS = 250;
/** States kept in memory a partition; those beyond it are read again from their snapshots when they are needed. */
const KEPT_STATES = 5_000;

export interface SnapshotKeeperOptions {
  store: Store;
  partition: number;
  /** Unique to this process. */
  owner: string;
  log: Logger;
  counts: SnapshotCounts;
  leaseMs?: number;
}

export interface SnapshotCounts {
  records: number;
  /** By topic, as the Go server counts them: data of V, alerts of alerts. */
  signals: Record<string, number>;
  undecodable: number;
  gaps: number;
  commits: number;
}

export class SnapshotKeeper {
  readonly partition: number;
  readonly #options: SnapshotKeeperOptions;
  readonly #snapshots: SnapshotStore;
  #lease: HeldLease | undefined;
  #tail: LogTail | undefined;
  #timer: NodeJS.Timeout | undefined;
  #commitTimer: NodeJS.Timeout | undefined;
  #committing: Promise<void> = Promise.resolve();
  #isStopped = false;
  readonly #states = new Map<string, VehicleState>();
  /** Names of the readings that changed since the last commit, by VIN. */
  #changed = new Map<string, Set<string>>();
  #mergedUpTo = '';
  #lastCommitMs = 0;
  /** Of the newest merged record: how long after its receipt it was merged. */
  lagMs = 0;

  constructor(options: SnapshotKeeperOptions) {
    this.#options = options;
    this.partition = options.partition;
    this.#snapshots = new SnapshotStore(options.store);
  }

  get isHolder(): boolean {
    return this.#lease !== undefined;
  }

  async start(): Promise<void> {
    await this.#tend();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#tail?.stop();
    clearTimeout(this.#commitTimer);
    await this.#commit().catch((err) =>
      this.#options.log.warn({ err, partition: this.partition }, 'snapshot_not_committed'),
    );
    if (this.#lease) await releaseLease(this.#options.store, this.#lease).catch(() => {});
    this.#lease = undefined;
  }

  /** Takes the lease or renews it, and comes back before it can run out. */
  async #tend(): Promise<void> {
    const { store, owner, log, leaseMs = SNAPSHOT_LEASE_MS } = this.#options;
    const { partition } = this;
    try {
      if (this.#lease) await renewLease(store, this.#lease, leaseMs);
      else {
        const lease = await acquireLease(store, { partition, name: SNAPSHOT_LEASE, owner, leaseMs });
        if (lease) await this.#begin(lease);
      }
    } catch (error) {
      if (error instanceof LeaseLost) this.#giveUp();
      else log.debug({ err: error, partition }, 'snapshot_lease_not_renewed');
    }
    if (!this.#isStopped) this.#timer = setTimeout(() => void this.#tend(), leaseMs / 3);
  }

  async #begin(lease: HeldLease): Promise<void> {
    const { store, log, counts } = this.#options;
    const { partition } = this;
    const cursor = await this.#snapshots.cursor(partition);
    if (this.#isStopped) return;
    this.#lease = lease;
    log.info({ partition, epoch: lease.epoch, cursor }, 'snapshot_lease_taken');
    this.#tail = new LogTail({
      store,
      partition,
      from: cursor,
      name: 'fleetbridge-snapshot',
      onEntries: (entries) => this.#merge(entries),
      onGap: (gap) => {
        counts.gaps++;
        log.error({ partition, ...gap }, 'snapshot_gap');
      },
      onTrouble: (err) => log.warn({ err, partition }, 'log_unreadable'),
      onRecovered: () => log.info({ partition }, 'log_readable'),
    });
    this.#tail.start();
  }

  /** Somebody else keeps this partition now: what we have not written is theirs to write. */
  #giveUp(): void {
    if (!this.#lease) return;
    this.#options.log.warn({ partition: this.partition, epoch: this.#lease.epoch }, 'snapshot_lease_lost');
    this.#lease = undefined;
    const tail = this.#tail;
    this.#tail = undefined;
    clearTimeout(this.#commitTimer);
    this.#commitTimer = undefined;
    // not awaited: it may be the tail that called us
    void tail?.stop();
    this.#states.clear();
    this.#changed.clear();
    this.#mergedUpTo = '';
  }

  async #merge(entries: LogEntry[]): Promise<void> {
    const { counts } = this.#options;
    const lease = this.#lease;
    await this.#loadStates(entries);
    // while we read, the lease may have gone, and with it this tail
    if (lease === undefined || this.#lease !== lease) return;
    for (const entry of entries) {
      counts.records++;
      const record = this.#decode(entry);
      const state = this.#states.get(entry.vin);
      if (record) countSignals(counts.signals, record);
      if (!record || !state) continue;
      const names = mergeRecord(state, { entryId: entry.id, timeMs: entry.createdMs, decoded: record });
      if (names.length === 0) continue;
      const changed = this.#changed.get(entry.vin);
      if (changed === undefined) this.#changed.set(entry.vin, new Set(names));
      else for (const name of names) changed.add(name);
    }
    const last = entries.at(-1)!;
    this.#mergedUpTo = last.id;
    this.lagMs = Math.max(0, Date.now() - last.receivedMs);
    const sinceLast = Date.now() - this.#lastCommitMs;
    if (sinceLast >= COMMIT_EVERY_MS) await this.#commit();
    else this.#commitTimer ??= setTimeout(() => void this.#commit(), COMMIT_EVERY_MS - sinceLast);
  }

  async #loadStates(entries: LogEntry[]): Promise<void> {
    const unknown = new Set(entries.map(({ vin }) => vin).filter((vin) => !this.#states.has(vin)));
    await Promise.all(
      [...unknown].map(async (vin) => {
        const { hash } = await this.#snapshots.read(vin);
        this.#states.set(vin, stateFromHash(hash).state);
      }),
    );
  }

  #decode(entry: LogEntry) {
    try {
      return decodeRecord(entry.topic, entry.payload);
    } catch (error) {
      if (!(error instanceof RecordDecodeError)) throw error;
      this.#options.counts.undecodable++;
      this.#options.log.warn({ entry: entry.id, vin: entry.vin, topic: entry.topic }, 'record_undecodable');
      return undefined;
    }
  }

  /** One after the other; a commit that failed is tried again with the next, the cursor never runs ahead of it. */
  #commit(): Promise<void> {
    clearTimeout(this.#commitTimer);
    this.#commitTimer = undefined;
    this.#committing = this.#committing.then(() => this.#writeChanges());
    return this.#committing;
  }

  async #writeChanges(): Promise<void> {
    const lease = this.#lease;
    const cursor = this.#mergedUpTo;
    if (!lease || cursor === '') return;
    const changed = this.#changed;
    this.#changed = new Map();
    this.#mergedUpTo = '';
    try {
      await this.#snapshots.commit(this.partition, { lease, cursor, changes: this.#encode(changed) });
      this.#options.counts.commits++;
      this.#lastCommitMs = Date.now();
      this.#forgetSurplus();
    } catch (error) {
      if (error instanceof LeaseLost) {
        this.#giveUp();
        return;
      }
      if (this.#lease !== lease) return;
      this.#options.log.warn({ err: error, partition: this.partition }, 'snapshot_not_committed');
      this.#putBack(changed, cursor);
      if (!this.#isStopped) this.#commitTimer ??= setTimeout(() => void this.#commit(), COMMIT_EVERY_MS);
    }
  }

  #encode(changed: Map<string, Set<string>>): SnapshotChanges {
    return new Map([...changed].map(([vin, names]) => [vin, readingsToHash(this.#states.get(vin)!, names)]));
  }

  #putBack(changed: Map<string, Set<string>>, cursor: string): void {
    for (const [vin, names] of changed) this.#changed.set(vin, new Set([...names, ...(this.#changed.get(vin) ?? [])]));
    // what was merged meanwhile is further on
    if (this.#mergedUpTo === '') this.#mergedUpTo = cursor;
  }

  #forgetSurplus(): void {
    for (const vin of this.#states.keys()) {
      if (this.#states.size <= KEPT_STATES) return;
      if (!this.#changed.has(vin)) this.#states.delete(vin);
    }
  }
}

function countSignals(signals: Record<string, number>, { topic, message }: DecodedRecord): void {
  const held = topic === 'V' ? message.data : topic === 'alerts' ? message.alerts : undefined;
  if (held) signals[topic] = (signals[topic] ?? 0) + held.length;
}

// Keeps the snapshots of one partition up to date: follows the log, merges each record, and commits the changes together
// with the cursor, at most every 250 ms. A lease ensures that only one process writes; without the lease nothing is written.
import { type DecodedRecord, decodeRecord, isAfter, RecordDecodeError } from '@fleetbridge/protocol';
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
import {
  advanceCharging,
  CHARGING,
  mergeRecord,
  ODOMETER_MARKS,
  type OdometerUnit,
  odometerUnit,
  readingsToHash,
  stateFromHash,
  type VehicleState,
} from '@fleetbridge/vehicle-state';

import { SignalTally } from './signal-tally.js';

export const SNAPSHOT_LEASE_MS = 10_000;
const COMMIT_EVERY_MS = 250;
/** States cached per partition; others are read from their snapshots again when they are needed. */
const MAX_CACHED_STATES = 5_000;

export interface SnapshotKeeperOptions {
  store: Store;
  partition: number;
  /** Unique to this process. */
  owner: string;
  log: Logger;
  counts: SnapshotCounts;
  leaseMs?: number;
  /** Default: MAX_CACHED_STATES. */
  maxCachedStates?: number;
}

export interface SnapshotCounts {
  records: number;
  /** By topic, as the Go server counts them: signals in V records, alerts in alerts records. */
  signals: Record<string, number>;
  undecodable: number;
  skippedEntries: number;
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
  /** The vehicles of the batch that is being read: a commit in the meantime must not evict their states. */
  #batchVins: ReadonlySet<string> = new Set();
  /** Names of the readings that changed since the last commit, by VIN. */
  #changed = new Map<string, Set<string>>();
  #mergedUpTo = '';
  /** Signals since the last commit, by VIN and day. */
  #tally = new SignalTally();
  /** Signals are counted up to this entry in Redis. */
  #countedUpTo: string | undefined;
  /** Signals up to this entry were counted before the snapshots were cleared. */
  #countFrom: string | undefined;
  #lastCommitMs = Number.NEGATIVE_INFINITY;
  /** From the receipt of the newest merged record to its merge. */
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
    await this.#acquireOrRenew();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#tail?.stop();
    clearTimeout(this.#commitTimer);
    await this.#commit().catch((err) =>
      this.#options.log.warn({ err, partition: this.partition }, 'snapshot_commit_failed'),
    );
    if (this.#lease) await releaseLease(this.#options.store, this.#lease).catch(() => {});
    this.#lease = undefined;
  }

  /** Acquires or renews the lease, and schedules itself before the lease expires. */
  async #acquireOrRenew(): Promise<void> {
    const { store, owner, log, leaseMs = SNAPSHOT_LEASE_MS } = this.#options;
    const { partition } = this;
    try {
      if (this.#lease) await renewLease(store, this.#lease, leaseMs);
      else {
        const lease = await acquireLease(store, { partition, name: SNAPSHOT_LEASE, owner, leaseMs });
        if (lease) await this.#begin(lease).catch((error) => this.#abandon(lease, error));
      }
    } catch (error) {
      if (error instanceof LeaseLost) this.#giveUp();
      else log.debug({ err: error, partition }, 'snapshot_lease_renewal_failed');
    }
    if (!this.#isStopped) this.#timer = setTimeout(() => void this.#acquireOrRenew(), leaseMs / 3);
  }

  async #begin(lease: HeldLease): Promise<void> {
    const { store, log, counts } = this.#options;
    const { partition } = this;
    const cursor = await this.#snapshots.cursor(partition);
    const countedUpTo = await this.#snapshots.signalCursor(partition);
    if (this.#isStopped) return await releaseLease(store, lease);
    this.#lease = lease;
    this.#countedUpTo = countedUpTo;
    this.#countFrom = countedUpTo !== undefined && isAfter(countedUpTo, cursor) ? countedUpTo : undefined;
    log.info({ partition, epoch: lease.epoch, cursor }, 'snapshot_lease_acquired');
    this.#tail = new LogTail({
      store,
      partition,
      from: cursor,
      name: 'fleetbridge-snapshot',
      prepare: (entries) => this.#loadStates(entries),
      // the lease may be lost while a batch is under way; what it holds is the next holder's to merge
      onEntry: (entry) => (this.#lease === lease ? this.#merge(entry) : undefined),
      onBatch: async (last) => {
        if (this.#lease === lease) await this.#merged(last);
      },
      onSkipped: ({ entry, error }) => {
        counts.skippedEntries++;
        log.error({ err: error, partition, entry: entry.id, vin: entry.vin, topic: entry.topic }, 'entry_skipped');
      },
      onGap: (gap) => {
        counts.gaps++;
        log.error({ partition, ...gap }, 'snapshot_gap_detected');
      },
      onTrouble: (err) => log.warn({ err, partition }, 'log_unreadable'),
      onRecovered: () => log.info({ partition }, 'log_readable'),
    });
    this.#tail.start();
  }

  /** A lease that is held but not used would keep all dispatchers from the partition until it expires. */
  async #abandon(lease: HeldLease, error: unknown): Promise<never> {
    await releaseLease(this.#options.store, lease).catch(() => {});
    throw error;
  }

  /** Another process has the lease now, and merges again what was not committed here. */
  #giveUp(): void {
    if (!this.#lease) return;
    this.#options.log.warn({ partition: this.partition, epoch: this.#lease.epoch }, 'snapshot_lease_lost');
    this.#lease = undefined;
    const tail = this.#tail;
    this.#tail = undefined;
    clearTimeout(this.#commitTimer);
    this.#commitTimer = undefined;
    // not awaited: the tail itself may have called this
    void tail?.stop();
    this.#states.clear();
    this.#changed.clear();
    this.#tally = new SignalTally();
    this.#mergedUpTo = '';
  }

  #merge(entry: LogEntry): void {
    const { counts } = this.#options;
    counts.records++;
    const record = this.#decode(entry);
    const state = this.#states.get(entry.vin);
    if (record) this.#countSignals(entry, record);
    if (!record || !state) return;
    const marks = state.odometerMarks;
    const merged = { entryId: entry.id, timeMs: entry.createdMs, decoded: record };
    const names = mergeRecord(state, merged);
    if (advanceCharging(state, merged)) names.push(CHARGING);
    if (names.length === 0) return;
    if (names.includes(ODOMETER_MARKS))
      this.#logUnitChange(entry, odometerUnit(marks), odometerUnit(state.odometerMarks));
    const changed = this.#changed.get(entry.vin);
    if (changed === undefined) this.#changed.set(entry.vin, new Set(names));
    else for (const name of names) changed.add(name);
  }

  #countSignals({ id, vin }: LogEntry, { topic, message }: DecodedRecord): void {
    const { signals } = this.#options.counts;
    const items = topic === 'V' ? message.data : topic === 'alerts' ? message.alerts : undefined;
    if (!items) return;
    signals[topic] = (signals[topic] ?? 0) + items.length;
    if (topic !== 'V') return;
    if (this.#countFrom !== undefined) {
      if (!isAfter(id, this.#countFrom)) return;
      this.#countFrom = undefined;
    }
    this.#tally.add(vin, id, items.length);
  }

  #logUnitChange({ id, vin }: LogEntry, from: OdometerUnit, to: OdometerUnit): void {
    if (from !== to) this.#options.log.warn({ vin, entry: id, from, to }, 'odometer_unit_changed');
  }

  async #merged(last: LogEntry): Promise<void> {
    this.#batchVins = new Set();
    this.#mergedUpTo = last.id;
    this.lagMs = Math.max(0, Date.now() - last.receivedMs);
    const sinceLast = performance.now() - this.#lastCommitMs;
    if (sinceLast >= COMMIT_EVERY_MS) await this.#commit();
    else this.#commitTimer ??= setTimeout(() => void this.#commit(), COMMIT_EVERY_MS - sinceLast);
  }

  async #loadStates(entries: readonly LogEntry[]): Promise<void> {
    const lease = this.#lease;
    this.#batchVins = new Set(entries.map(({ vin }) => vin));
    const missing = [...this.#batchVins].filter((vin) => !this.#states.has(vin));
    await Promise.all(
      missing.map(async (vin) => {
        const { hash } = await this.#snapshots.read(vin);
        // a lease that was lost meanwhile has cleared the states
        if (this.#lease === lease) this.#states.set(vin, stateFromHash(hash).state);
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

  /** One commit at a time. A failed commit is retried with the next one, so the cursor never passes uncommitted changes. */
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
    const tally = this.#tally;
    this.#changed = new Map();
    this.#tally = new SignalTally();
    this.#mergedUpTo = '';
    try {
      const changes = this.#encode(changed);
      const counted = { upTo: this.#countedUpTo, signals: tally.counts };
      const countedUpTo = await this.#snapshots.commit(this.partition, { lease, cursor, changes, counted });
      if (this.#lease === lease) this.#countedUpTo = countedUpTo;
      this.#options.counts.commits++;
      this.#lastCommitMs = performance.now();
      this.#evictStates();
    } catch (error) {
      if (error instanceof LeaseLost) {
        this.#giveUp();
        // still held when an earlier commit succeeded but its reply was lost
        await releaseLease(this.#options.store, lease).catch(() => {});
        return;
      }
      if (this.#lease !== lease) return;
      this.#options.log.warn({ err: error, partition: this.partition }, 'snapshot_commit_failed');
      this.#putBack(changed, cursor);
      this.#tally.addAll(tally);
      if (!this.#isStopped) this.#commitTimer ??= setTimeout(() => void this.#commit(), COMMIT_EVERY_MS);
    }
  }

  #encode(changed: Map<string, Set<string>>): SnapshotChanges {
    return new Map([...changed].map(([vin, names]) => [vin, readingsToHash(this.#states.get(vin)!, names)]));
  }

  #putBack(changed: Map<string, Set<string>>, cursor: string): void {
    for (const [vin, names] of changed) this.#changed.set(vin, new Set([...names, ...(this.#changed.get(vin) ?? [])]));
    // a later cursor, if records were merged meanwhile, stays
    if (this.#mergedUpTo === '') this.#mergedUpTo = cursor;
  }

  #evictStates(): void {
    const { maxCachedStates = MAX_CACHED_STATES } = this.#options;
    for (const vin of this.#states.keys()) {
      if (this.#states.size <= maxCachedStates) return;
      if (!this.#changed.has(vin) && !this.#batchVins.has(vin)) this.#states.delete(vin);
    }
  }
}

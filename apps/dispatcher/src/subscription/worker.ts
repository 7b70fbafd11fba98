// Delivers one partition of a subscription while this process holds its lease: reads pending entries, then new ones, sends
// what the lanes allow, and reports the outcomes to Redis. Every send checks the lease by this process's clock, and every
// script in Redis compares it.
import { setTimeout as delay } from 'node:timers/promises';
import { away, type Delivery, type DeliveryOutcome, type KnownVehicle } from '@fleetbridge/delivery';
import { BEGINNING, isAfter } from '@fleetbridge/protocol';
import { type Logger, withTimeout } from '@fleetbridge/service';
import type { AppendNotifier, LeasedSubscription, LogEntry, PendingEntry } from '@fleetbridge/store';
import { AckQueue } from './ack-queue.js';
import { type BackOff, backOffMs } from './back-off.js';
import type { DeliveryCounts } from './delivery-counts.js';
import type { VehicleKnowledge } from './known-vehicles.js';
import type { LaneLimits, Outstanding } from './lane.js';
import { Lanes } from './lanes.js';
import { LeaseKeeper, REDIS_RETRY_MS } from './lease-keeper.js';
import type { NewestValues } from './newest-values.js';

export interface WorkerOptions {
  subscription: string;
  partition: number;
  work: LeasedSubscription;
  leaseMs: number;
  delivery: Delivery;
  /** For a delivery that `keepsLastValues`. */
  newest: NewestValues | undefined;
  /** The vehicles that the subscription admits, with the readings up to an entry, and possibly later ones. */
  readVehicles: (upTo: string) => AsyncIterable<VehicleKnowledge>;
  notifier: Pick<AppendNotifier, 'wait'>;
  matches: (entry: LogEntry) => boolean;
  backOff: BackOff;
  maximumDeliveries: number;
  /** Within this time a delivery reports its outcome. */
  ackDeadlineMs: number;
  counts: DeliveryCounts;
  log: Logger;
  /** The wall clock, for what is stored and measured. Waits use a steady one. */
  now: () => number;
  random: () => number;
  /** Called once, when this worker has ended: stopped, or the lease is lost. */
  onEnd: () => void;
  limits: LaneLimits;
}

const MAX_ENTRIES_PER_READ = 200;
const REDELIVERY_CHECK_MS = 1_000;
const STOP_CHECK_MS = 5;
/** A delivery that exceeds its deadline by this time is not waited for any longer. */
const UNSETTLED_AFTER_MS = 1_000;
/** Another record's failure: that one decides whether delivery is suspended. */
const COLLATERAL = { isAlone: true, isCounted: false };
/** For closing the connections of a delivery. */
const DELIVERY_STOP_MS = 2_000;

export class Worker {
  readonly #options: WorkerOptions;
  readonly #lanes: Lanes;
  readonly #lease: LeaseKeeper;
  readonly #acks: AckQueue;
  #state: 'working' | 'stopping' | 'ended' = 'working';
  #pumpTimer: NodeJS.Timeout | undefined;
  #redeliveryTimer: NodeJS.Timeout | undefined;
  /** Wakes the reader. */
  #wake: (() => void) | undefined;
  /** Rejections so far, by entry id. */
  #rejections = new Map<string, number>();
  /** Dead letters in the lanes. */
  readonly #redelivering = new Set<string>();
  /** Entries and dead letters sent at least once without success. */
  readonly #attempted = new Set<string>();
  /** Logged, counted and shown to operators. */
  #suspension: { error: string; sinceMs: number } | undefined;
  /** Everything up to this entry is delivered, in a lane, or not wanted. */
  #readUpTo: string | undefined;
  #onPosition: () => void = () => {};
  /** Resolves when `#readUpTo` is known, or the worker ends. */
  readonly #positionKnown = new Promise<void>((resolve) => {
    this.#onPosition = resolve;
  });
  #deliveryStopped: Promise<void> | undefined;

  constructor(options: WorkerOptions) {
    const { work, leaseMs, limits } = options;
    this.#options = options;
    this.#lanes = new Lanes(limits);
    this.#lease = new LeaseKeeper({
      work,
      leaseMs,
      onRenewed: () => this.#pump(),
      onLost: () => this.#leaseLost(),
    });
    this.#acks = new AckQueue((ids) => this.#lease.untilAnswered(() => work.acknowledge(ids)));
  }

  start(): void {
    this.#lease.start();
    this.#options.delivery.start?.({
      isLeaseHeld: () => this.#lease.isHeld(),
      knownVehicles: () => this.#knownVehicles(),
    });
    void this.#read();
    this.#checkRedeliveriesLater();
  }

  /** Waits for sends in flight, acknowledges them, and releases the lease. */
  async stop({ deadlineMs }: { deadlineMs: number }): Promise<void> {
    if (this.#state !== 'working') return;
    this.#state = 'stopping';
    this.#wake?.();
    clearTimeout(this.#redeliveryTimer);
    const deadline = performance.now() + deadlineMs;
    while ((this.#lanes.inFlight > 0 || !this.#acks.isEmpty) && performance.now() < deadline) {
      if (this.#hasEnded) return;
      await delay(STOP_CHECK_MS);
    }
    if (this.#hasEnded) return;
    // before the lease: the next owner's connection must not meet this one
    await this.#stopDelivery();
    if (this.#suspension !== undefined) await this.#options.work.setSuspension(undefined).catch(() => {});
    await this.#options.work.release().catch(() => {});
    await this.#end();
  }

  get #hasEnded(): boolean {
    return this.#state === 'ended';
  }

  /** Starts with pending entries, and returns to them after an error: a lost reply may have made entries pending. */
  async #read(): Promise<void> {
    const { work, log, subscription, partition } = this.#options;
    let cursor = BEGINNING;
    let mustReadPending = true;
    let isFailing = false;
    while (this.#state === 'working') {
      try {
        if (cursor === BEGINNING) this.#rejections = await work.rejections();
        const room = Math.min(this.#lanes.room, MAX_ENTRIES_PER_READ);
        if (room === 0) {
          await this.#untilRoom();
          continue;
        }
        if (mustReadPending) {
          const entries = await work.readPending(cursor, room);
          cursor = entries.at(-1)?.id ?? cursor;
          mustReadPending = entries.length > 0;
          this.#add(entries);
        } else {
          const { entries, lastId } = await work.readNew(room);
          cursor = entries.at(-1)?.id ?? cursor;
          this.#add(entries.map((entry) => ({ id: entry.id, entry })));
          this.#readUpTo = entries.at(-1)?.id ?? lastId;
          this.#onPosition();
          if (entries.length === 0) await this.#untilAppended(lastId);
        }
        isFailing = false;
      } catch (err) {
        if (this.#lease.isLostBy(err)) return;
        if (!isFailing) log.warn({ err, subscription, partition }, 'subscription_read_failed');
        isFailing = true;
        mustReadPending = true;
        await delay(REDIS_RETRY_MS);
      }
    }
  }

  /** Without readings of records that are still to be delivered: they would be published before older ones. */
  async *#knownVehicles(): AsyncGenerator<KnownVehicle> {
    await this.#positionKnown;
    if (this.#readUpTo === undefined || this.#hasEnded) return;
    for await (const { vin, state } of this.#options.readVehicles(this.#readUpTo)) {
      if (this.#hasEnded) return;
      const first = this.#lanes.firstOf(vin);
      const isDelivered = (id: string) => !isAfter(id, this.#readUpTo!) && (first === undefined || isAfter(first, id));
      const readings = [...state.readings].filter(([, { entryId }]) => isDelivered(entryId));
      const { connectivity } = state;
      yield {
        vin,
        readings: new Map(readings.map(([name, { value }]) => [name, value])),
        connectivity: connectivity && isDelivered(connectivity.entryId) ? connectivity : undefined,
      };
    }
  }

  #add(entries: readonly PendingEntry[]): void {
    const { matches, counts } = this.#options;
    if (this.#hasEnded) return;
    for (const { id, entry } of entries) {
      if (entry === undefined) {
        this.#reportLost([id]);
      } else if (!matches(entry)) {
        counts.passedOver++;
        this.#acks.add(id);
      } else {
        const rejections = this.#rejections.get(id) ?? 0;
        this.#lanes.add({ id, vin: entry.vin, entry, rejections }, steadyMs());
      }
    }
    this.#pump();
  }

  /** Sends everything that may be sent now, and schedules itself for when there may be more. */
  #pump(): void {
    clearTimeout(this.#pumpTimer);
    // without the lease: the next renewal succeeds or reports its loss
    if (this.#state !== 'working' || !this.#lease.isHeld()) return;
    for (let next = this.#lanes.take(steadyMs()); next !== undefined; next = this.#lanes.take(steadyMs()))
      void this.#send(next);
    for (const { vin, ids } of this.#lanes.toLoad()) void this.#load(vin, ids);
    if (this.#lanes.room > 0) this.#wake?.();
    const nextAtMs = this.#lanes.nextAtMs();
    if (nextAtMs !== undefined) {
      this.#pumpTimer = setTimeout(() => this.#pump(), Math.max(1, Math.min(nextAtMs - steadyMs(), 2 ** 31 - 1)));
    }
  }

  async #send(outstanding: Outstanding): Promise<void> {
    const { counts } = this.#options;
    const entry = outstanding.entry!;
    const key = outstanding.deadLetter ?? outstanding.id;
    if (this.#attempted.has(key)) counts.retried++;
    const outcome = await this.#settled(outstanding, entry);
    if (this.#hasEnded) return;
    if (outcome.kind === 'delivered') this.#attempted.delete(key);
    else this.#attempted.add(key);
    await this.#settle(outstanding, entry, outcome);
    this.#logSuspension(outcome);
    this.#pump();
  }

  /** A delivery must not reject, and must keep its deadline; one that does neither holds up only itself. */
  async #settled(outstanding: Outstanding, entry: LogEntry): Promise<DeliveryOutcome> {
    const { ackDeadlineMs, log, subscription, partition } = this.#options;
    const limitMs = ackDeadlineMs + UNSETTLED_AFTER_MS;
    const onTimeout = () => {
      const { id, vin } = outstanding;
      log.error({ subscription, partition, entry: id, vin, limit_ms: limitMs }, 'delivery_unsettled');
      return away(`no outcome within ${limitMs} ms`);
    };
    return await withTimeout(this.#deliver(outstanding, entry).catch(away), limitMs, { onTimeout });
  }

  async #deliver({ deadLetter }: Outstanding, entry: LogEntry): Promise<DeliveryOutcome> {
    const { delivery, partition, newest } = this.#options;
    const record = { entry, messageId: `${partition}-${entry.id}`, isLeaseHeld: () => this.#lease.isHeld() };
    if (newest === undefined) return await delivery.deliver(record);
    const values = await newest.of(entry, deadLetter !== undefined);
    const outcome = await delivery.deliver({ ...record, isOutdated: values.isOutdated });
    if (outcome.kind === 'delivered') values.delivered();
    return outcome;
  }

  async #settle(outstanding: Outstanding, entry: LogEntry, outcome: DeliveryOutcome): Promise<void> {
    const { counts, now, work } = this.#options;
    const { deadLetter } = outstanding;
    switch (outcome.kind) {
      case 'delivered':
        counts.delivered++;
        counts.observeLatency(Math.max(0, now() - entry.receivedMs) / 1_000);
        if (deadLetter === undefined) {
          this.#acks.add(outstanding.id);
        } else {
          counts.redelivered++;
          await this.#lease.untilAnswered(() => work.settleRedelivery(deadLetter, { nowMs: now() }));
          this.#redelivering.delete(deadLetter);
        }
        this.#lanes.done(outstanding, steadyMs());
        return;
      case 'rejected':
        counts.rejected++;
        await this.#settleRejection(outstanding, outcome.error, { isAnswered: true });
        return;
      case 'away':
        await this.#settleFailure(outstanding, outcome);
    }
  }

  async #settleFailure(outstanding: Outstanding, outcome: DeliveryOutcome & { kind: 'away' }): Promise<void> {
    const isCollateral = outcome.isCollateral === true;
    const { isAlone, isCounted } = isCollateral ? COLLATERAL : this.#lanes.attribute(outstanding);
    if (isCounted && outcome.isRateLimited !== true) {
      this.#options.counts.rejected++;
      const error = `${outcome.error}; the endpoint answers for other vehicles`;
      await this.#settleRejection(outstanding, error, { isAnswered: false });
      return;
    }
    const waitMs = (failures: number) => Math.max(this.#backOffMs(failures), outcome.retryAfterMs ?? 0);
    this.#lanes.away(outstanding, { isAlone, waitMs, nowMs: steadyMs() });
  }

  /** `isAnswered` is false for a failure without an answer that counts as a rejection. */
  async #settleRejection(
    outstanding: Outstanding,
    error: string,
    { isAnswered }: { isAnswered: boolean },
  ): Promise<void> {
    const { counts, now, work, maximumDeliveries, log, subscription, partition } = this.#options;
    const { id, vin, deadLetter } = outstanding;
    if (deadLetter !== undefined) {
      await this.#lease.untilAnswered(() => work.settleRedelivery(deadLetter, { error, nowMs: now() }));
      this.#redelivering.delete(deadLetter);
      this.#attempted.delete(deadLetter);
      this.#lanes.done(outstanding, steadyMs(), { isAnswered });
      log.warn({ subscription, partition, entry: id, vin, error }, 'dead_letter_rejected_again');
      return;
    }
    const rejections = outstanding.rejections + 1;
    const isDead = await this.#lease.untilAnswered(() =>
      work.reject(id, { rejections, maximum: maximumDeliveries, error, nowMs: now() }),
    );
    if (isDead === undefined) return;
    if (isDead) {
      counts.deadLettered++;
      this.#attempted.delete(id);
      this.#lanes.done(outstanding, steadyMs(), { isAnswered });
      log.warn({ subscription, partition, entry: id, vin, rejections, error }, 'record_dead_lettered');
    } else {
      const waitMs = (failures: number) => this.#backOffMs(failures);
      this.#lanes.rejected(outstanding, { waitMs, nowMs: steadyMs(), isAnswered });
    }
  }

  async #load(vin: string, ids: readonly string[]): Promise<void> {
    const { work } = this.#options;
    try {
      const entries = await work.load(ids);
      const gone = ids.filter((_, index) => entries[index] === undefined);
      // not necessarily lost to retention: `fleetbridge forget` deletes records and ends the lease in one step
      if (gone.length > 0) await work.renew();
      if (this.#hasEnded) return;
      this.#reportLost(gone);
      this.#lanes.loaded(vin, entries, steadyMs());
    } catch (error) {
      if (this.#lease.isLostBy(error)) return;
      // Redis is unavailable, which the reader logs
      this.#lanes.notLoaded(vin, { waitMs: REDIS_RETRY_MS, nowMs: steadyMs() });
    }
    this.#pump();
  }

  #checkRedeliveriesLater(): void {
    this.#redeliveryTimer = setTimeout(() => void this.#checkRedeliveries(), REDELIVERY_CHECK_MS);
  }

  async #checkRedeliveries(): Promise<void> {
    const { work } = this.#options;
    if (this.#suspension !== undefined) await this.#showSuspension();
    try {
      for (const { id: deadLetter, entry } of await work.redeliveries()) {
        if (this.#redelivering.has(deadLetter)) continue;
        this.#redelivering.add(deadLetter);
        this.#lanes.add({ id: entry.id, vin: entry.vin, entry, rejections: 0, deadLetter }, steadyMs());
      }
      this.#pump();
    } catch (error) {
      if (this.#lease.isLostBy(error)) return;
    }
    if (this.#state === 'working') this.#checkRedeliveriesLater();
  }

  #backOffMs(failures: number): number {
    return backOffMs(failures, this.#options.backOff, this.#options.random);
  }

  /** Logs once when a suspension starts and once when it ends. */
  #logSuspension(outcome: DeliveryOutcome): void {
    const { counts, log, subscription, partition, now } = this.#options;
    if (outcome.kind === 'away' && this.#suspension !== undefined) this.#suspension.error = outcome.error;
    const wasSuspended = this.#suspension !== undefined;
    if (this.#lanes.isSuspended === wasSuspended || this.#hasEnded) return;
    const facts = { subscription, partition, waiting: this.#lanes.ids };
    if (!wasSuspended) {
      // a delivery that settled at the same time may be the one that is seen here
      const error = outcome.kind === 'away' ? outcome.error : '';
      this.#suspension = { error, sinceMs: now() };
      counts.suspended++;
      log.warn({ ...facts, error }, 'endpoint_away');
    } else {
      this.#suspension = undefined;
      counts.suspended--;
      log.info(facts, 'endpoint_recovered');
    }
    void this.#showSuspension();
  }

  /** For `fleetbridge subscription` and the status page. Never rejects. */
  async #showSuspension(): Promise<void> {
    const { work, now } = this.#options;
    const waitMs = Math.max(0, (this.#lanes.probeAtMs ?? 0) - performance.now());
    const shown = this.#suspension && { ...this.#suspension, nextTryMs: now() + waitMs };
    await work.setSuspension(shown).catch(() => {});
  }

  /** Retention removes old entries even if a subscription has not read them; that must never go unnoticed. */
  #reportLost(ids: readonly string[]): void {
    if (ids.length === 0) return;
    const { counts, log, subscription, partition } = this.#options;
    counts.lost += ids.length;
    log.error({ subscription, partition, entries: ids.length, first: ids[0], last: ids.at(-1) }, 'records_lost');
    for (const id of ids) this.#acks.add(id);
  }

  #leaseLost(): void {
    const { log, subscription, partition, work } = this.#options;
    log.warn({ subscription, partition, epoch: work.epoch }, 'subscription_lease_lost');
    void this.#end();
  }

  async #end(): Promise<void> {
    if (this.#hasEnded) return;
    this.#state = 'ended';
    this.#lease.end();
    clearTimeout(this.#pumpTimer);
    clearTimeout(this.#redeliveryTimer);
    this.#wake?.();
    this.#onPosition();
    if (this.#suspension !== undefined) this.#options.counts.suspended--;
    await this.#stopDelivery();
    this.#options.onEnd();
  }

  #stopDelivery(): Promise<void> {
    this.#deliveryStopped ??= this.#stopDeliveryInTime();
    return this.#deliveryStopped;
  }

  async #stopDeliveryInTime(): Promise<void> {
    const { delivery, log, subscription, partition } = this.#options;
    const message = `not closed within ${DELIVERY_STOP_MS} ms`;
    try {
      await withTimeout((async () => delivery.stop())(), DELIVERY_STOP_MS, { message });
    } catch (err) {
      log.warn({ err, subscription, partition }, 'delivery_stop_failed');
    }
  }

  #untilRoom(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  async #untilAppended(lastId: string): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      // the pump also wakes the reader when there is room, which brings no new entries
      this.#wake = () => {
        if (this.#state !== 'working') resolve();
      };
    });
    await Promise.race([this.#options.notifier.wait(lastId), ended]);
  }
}

/** Increases steadily, also when the clock of the machine is set. */
function steadyMs(): number {
  return performance.now();
}

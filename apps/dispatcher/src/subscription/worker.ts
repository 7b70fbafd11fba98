// Delivers one partition of a subscription for as long as this process holds its lease: reads what is pending and then
// what is new, lets the lanes say what may be sent, and tells Redis what became of it. Nothing leaves without a look at
// the lease, by our own clock; and nothing is changed in Redis but by scripts that compare it.
import { away, type Delivery, type DeliveryOutcome } from '@fleetbridge/delivery';
import { BEGINNING } from '@fleetbridge/protocol';
import type { Logger } from '@fleetbridge/service';
import {
  type AppendNotifier,
  type LeasedSubscription,
  LeaseLost,
  type LogEntry,
  type PendingEntry,
} from '@fleetbridge/store';
import { type BackOff, backOffMs } from './back-off.js';
import { type LaneLimits, Lanes, type Outstanding } from './lanes.js';

export interface WorkerOptions {
  subscription: string;
  partition: number;
  work: LeasedSubscription;
  leaseMs: number;
  delivery: Delivery;
  waker: Pick<AppendNotifier, 'wait'>;
  wants: (entry: LogEntry) => boolean;
  backOff: BackOff;
  maximumDeliveries: number;
  counts: DeliveryCounts;
  log: Logger;
  now: () => number;
  random: () => number;
  /** Told once, when nothing is delivered here any more: stopped, or the lease is lost. */
  onEnd: () => void;
  limits: LaneLimits;
}

/** Of one subscription in this process. */
export interface DeliveryCounts {
  delivered: number;
  /** Sent again after an attempt without success. */
  retried: number;
  rejected: number;
  deadLettered: number;
  redelivered: number;
  /** Not wanted by the filter. */
  passedOver: number;
  /** Taken by retention before they were delivered. */
  lost: number;
  /** How many partitions are suspended because the endpoint is away. */
  suspended: number;
  /** From receipt to delivery. */
  observeLatency: (seconds: number) => void;
}

const ENTRIES_A_READ = 200;
const ACKS_A_CALL = 500;
const REDIS_PAUSE_MS = 100;
const LOOK_FOR_REDELIVERIES_EVERY_MS = 1_000;

export class Worker {
  readonly #options: WorkerOptions;
  readonly #lanes: Lanes;
  #state: 'working' | 'stopping' | 'over' = 'working';
  #acks: string[] = [];
  #isFlushing = false;
  #pumpTimer: NodeJS.Timeout | undefined;
  #renewTimer: NodeJS.Timeout | undefined;
  #lookTimer: NodeJS.Timeout | undefined;
  #awaited: (() => void) | undefined;
  #rejections = new Map<string, number>();
  readonly #redelivering = new Set<string>();
  readonly #attempted = new Set<string>();
  #isSaidSuspended = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#lanes = new Lanes(options.limits);
  }

  start(): void {
    this.#renewLater();
    void this.#read();
    this.#lookTimer = setTimeout(() => void this.#lookForRedeliveries(), LOOK_FOR_REDELIVERIES_EVERY_MS);
  }

  /** Lets what is under way land, acknowledges it, and gives the lease back. */
  async stop({ deadlineMs }: { deadlineMs: number }): Promise<void> {
    if (this.#state !== 'working') return;
    this.#state = 'stopping';
    this.#awaited?.();
    clearTimeout(this.#lookTimer);
    const deadline = performance.now() + deadlineMs;
    while ((this.#lanes.inFlight > 0 || this.#acks.length > 0 || this.#isFlushing) && performance.now() < deadline) {
      if ((this.#state as string) === 'over') return;
      await pause(5);
    }
    if ((this.#state as string) === 'over') return;
    // before the lease goes: the successor's connection is not to meet ours
    await this.#options.delivery.stop();
    await this.#options.work.release().catch(() => {});
    await this.#end();
  }

  /** Reads pending entries first; also again after an answer was lost, which may have made entries pending. */
  async #read(): Promise<void> {
    const { work, log, subscription, partition } = this.#options;
    let cursor = BEGINNING;
    let mustReadPending = true;
    let isInTrouble = false;
    while (this.#state === 'working') {
      try {
        if (cursor === BEGINNING) this.#rejections = await work.rejections();
        const room = Math.min(this.#lanes.room, ENTRIES_A_READ);
        if (room === 0) {
          await this.#roomOrEnd();
          continue;
        }
        if (mustReadPending) {
          const entries = await work.readPending(cursor, room);
          cursor = entries.at(-1)?.id ?? cursor;
          mustReadPending = entries.length > 0;
          this.#takeIn(entries);
        } else {
          const { entries, lastId } = await work.readNew(room);
          cursor = entries.at(-1)?.id ?? cursor;
          this.#takeIn(entries.map((entry) => ({ id: entry.id, entry })));
          if (entries.length === 0) await this.#somethingNew(lastId);
        }
        isInTrouble = false;
      } catch (err) {
        if (this.#isLost(err)) return;
        if (!isInTrouble) log.warn({ err, subscription, partition }, 'subscription_unreadable');
        isInTrouble = true;
        mustReadPending = true;
        await pause(REDIS_PAUSE_MS);
      }
    }
  }

  #takeIn(entries: readonly PendingEntry[]): void {
    const { wants, counts, now } = this.#options;
    if (this.#state === 'over') return;
    for (const { id, entry } of entries) {
      if (entry === undefined) {
        this.#lost([id]);
      } else if (!wants(entry)) {
        counts.passedOver++;
        this.#acknowledge(id);
      } else {
        const rejections = this.#rejections.get(id) ?? 0;
        this.#lanes.add({ id, vin: entry.vin, entry, rejections }, now());
      }
    }
    this.#pump();
  }

  /** Sends whatever may be sent, and comes back when there may be more. */
  #pump(): void {
    const { work, now } = this.#options;
    clearTimeout(this.#pumpTimer);
    // not held: the next renewal brings certainty, one way or the other
    if (this.#state !== 'working' || !work.isHeld()) return;
    for (;;) {
      const next = this.#lanes.take(now());
      if (next === undefined) break;
      void this.#send(next);
    }
    for (const { vin, ids } of this.#lanes.toLoad()) void this.#load(vin, ids);
    if (this.#lanes.room > 0) this.#awaited?.();
    const nextAtMs = this.#lanes.nextAtMs();
    if (nextAtMs !== undefined) {
      this.#pumpTimer = setTimeout(() => this.#pump(), Math.max(1, Math.min(nextAtMs - now(), 2 ** 31 - 1)));
    }
  }

  async #send(outstanding: Outstanding): Promise<void> {
    const { delivery, partition, counts, work } = this.#options;
    const entry = outstanding.entry!;
    const key = outstanding.deadLetter ?? outstanding.id;
    if (this.#attempted.has(key)) counts.retried++;
    // a delivery that breaks its promise not to reject must not take the process with it
    const outcome = await delivery
      .deliver({
        entry,
        messageId: `${partition}-${entry.id}`,
        isLeaseHeld: () => this.#state !== 'over' && work.isHeld(),
      })
      .catch(away);
    if (this.#state === 'over') return;
    if (outcome.kind === 'delivered') this.#attempted.delete(key);
    else this.#attempted.add(key);
    await this.#settle(outstanding, entry, outcome);
    this.#saySuspension(outcome);
    this.#pump();
  }

  async #settle(outstanding: Outstanding, entry: LogEntry, outcome: DeliveryOutcome): Promise<void> {
    const { counts, now, work } = this.#options;
    const { deadLetter } = outstanding;
    switch (outcome.kind) {
      case 'delivered':
        counts.delivered++;
        counts.observeLatency(Math.max(0, now() - entry.receivedMs) / 1_000);
        if (deadLetter === undefined) {
          this.#acknowledge(outstanding.id);
        } else {
          counts.redelivered++;
          await this.#untilAnswered(() => work.settleRedelivery(deadLetter, { nowMs: now() }));
          this.#redelivering.delete(deadLetter);
        }
        this.#lanes.done(outstanding, now());
        return;
      case 'rejected':
        counts.rejected++;
        await this.#rejected(outstanding, outcome.error);
        return;
      case 'away':
        this.#lanes.away(outstanding, {
          waitMs: (failures) => Math.max(this.#waitMs(failures), outcome.retryAfterMs ?? 0),
          nowMs: now(),
        });
    }
  }

  async #rejected(outstanding: Outstanding, error: string): Promise<void> {
    const { counts, now, work, maximumDeliveries, log, subscription, partition } = this.#options;
    const { id, vin, deadLetter } = outstanding;
    if (deadLetter !== undefined) {
      await this.#untilAnswered(() => work.settleRedelivery(deadLetter, { error, nowMs: now() }));
      this.#redelivering.delete(deadLetter);
      this.#attempted.delete(deadLetter);
      this.#lanes.done(outstanding, now());
      log.warn({ subscription, partition, entry: id, vin, error }, 'dead_letter_rejected_again');
      return;
    }
    const rejections = outstanding.rejections + 1;
    const isDead = await this.#untilAnswered(() =>
      work.reject(id, { rejections, maximum: maximumDeliveries, error, nowMs: now() }),
    );
    if (isDead === undefined) return;
    if (isDead) {
      counts.deadLettered++;
      this.#attempted.delete(id);
      this.#lanes.done(outstanding, now());
      log.warn({ subscription, partition, entry: id, vin, rejections, error }, 'dead_lettered');
    } else {
      this.#lanes.rejected(outstanding, { waitMs: (failures) => this.#waitMs(failures), nowMs: now() });
    }
  }

  async #load(vin: string, ids: readonly string[]): Promise<void> {
    const { work, now } = this.#options;
    try {
      const entries = await work.load(ids);
      const gone = ids.filter((_, index) => entries[index] === undefined);
      // not by retention, perhaps: who deletes a vehicle's records on purpose ends the lease in the same step
      if (gone.length > 0) await work.renew();
      if (this.#state === 'over') return;
      this.#lost(gone);
      this.#lanes.loaded(vin, entries, now());
    } catch (error) {
      if (this.#isLost(error)) return;
      // Redis is away, which the reader and the renewal tell of
      this.#lanes.notLoaded(vin, { waitMs: REDIS_PAUSE_MS, nowMs: now() });
    }
    this.#pump();
  }

  async #lookForRedeliveries(): Promise<void> {
    const { work, now } = this.#options;
    try {
      for (const { id: deadLetter, entry } of await work.redeliveries()) {
        if (this.#redelivering.has(deadLetter)) continue;
        this.#redelivering.add(deadLetter);
        this.#lanes.add({ id: entry.id, vin: entry.vin, entry, rejections: 0, deadLetter }, now());
      }
      this.#pump();
    } catch (error) {
      if (this.#isLost(error)) return;
    }
    if (this.#state !== 'working') return;
    this.#lookTimer = setTimeout(() => void this.#lookForRedeliveries(), LOOK_FOR_REDELIVERIES_EVERY_MS);
  }

  #acknowledge(id: string): void {
    this.#acks.push(id);
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    setImmediate(() => void this.#flush());
  }

  async #flush(): Promise<void> {
    while (this.#acks.length > 0 && this.#state !== 'over') {
      const ids = this.#acks.splice(0, ACKS_A_CALL);
      await this.#untilAnswered(() => this.#options.work.acknowledge(ids));
    }
    this.#isFlushing = false;
  }

  /** Repeats a call that changes nothing when it is repeated, until Redis answers. Undefined: the lease is lost. */
  async #untilAnswered<T>(call: () => Promise<T>): Promise<T | undefined> {
    while (this.#state !== 'over') {
      try {
        return await call();
      } catch (error) {
        if (this.#isLost(error)) return undefined;
        await pause(REDIS_PAUSE_MS);
      }
    }
    return undefined;
  }

  #renewLater(): void {
    const { work, leaseMs } = this.#options;
    this.#renewTimer = setTimeout(async () => {
      try {
        await work.renew();
        this.#pump();
      } catch (error) {
        if (this.#isLost(error)) return;
      }
      if (this.#state !== 'over') this.#renewLater();
    }, leaseMs / 3);
  }

  #waitMs(failures: number): number {
    return backOffMs(failures, this.#options.backOff, this.#options.random);
  }

  /** Said once when it begins and once when it ends. */
  #saySuspension(outcome: DeliveryOutcome): void {
    if (this.#lanes.isSuspended === this.#isSaidSuspended || this.#state === 'over') return;
    this.#isSaidSuspended = this.#lanes.isSuspended;
    const { counts, log, subscription, partition } = this.#options;
    counts.suspended += this.#isSaidSuspended ? 1 : -1;
    const facts = { subscription, partition, waiting: this.#lanes.ids };
    if (outcome.kind === 'away') log.warn({ ...facts, error: outcome.error }, 'endpoint_away');
    else log.info(facts, 'endpoint_back');
  }

  /** Retention goes by age whoever has read: said loudly, never passed over in silence. */
  #lost(ids: readonly string[]): void {
    if (ids.length === 0) return;
    const { counts, log, subscription, partition } = this.#options;
    counts.lost += ids.length;
    log.error({ subscription, partition, entries: ids.length, first: ids[0], last: ids.at(-1) }, 'records_lost');
    for (const id of ids) this.#acknowledge(id);
  }

  #isLost(error: unknown): boolean {
    if (this.#state === 'over') return true;
    if (!(error instanceof LeaseLost)) return false;
    const { log, subscription, partition, work } = this.#options;
    log.warn({ subscription, partition, epoch: work.epoch }, 'subscription_lease_lost');
    void this.#end();
    return true;
  }

  async #end(): Promise<void> {
    if (this.#state === 'over') return;
    this.#state = 'over';
    for (const timer of [this.#pumpTimer, this.#renewTimer, this.#lookTimer]) clearTimeout(timer);
    this.#awaited?.();
    if (this.#isSaidSuspended) this.#options.counts.suspended--;
    await this.#options.delivery.stop();
    this.#options.onEnd();
  }

  #roomOrEnd(): Promise<void> {
    return new Promise((resolve) => {
      this.#awaited = resolve;
    });
  }

  async #somethingNew(lastId: string): Promise<void> {
    await Promise.race([this.#options.waker.wait(lastId), this.#roomOrEndOnly()]);
  }

  /** Resolves with the end alone; the pump's news of room is nothing new to a reader that waits for entries. */
  #roomOrEndOnly(): Promise<void> {
    return new Promise((resolve) => {
      this.#awaited = () => {
        if (this.#state !== 'working') resolve();
      };
    });
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

// The undelivered entries of one partition, and which of them may be sent now. Each vehicle has a lane: its entries in id
// order, at most one in flight, so that the next one is sent only when the previous one is delivered or given up. Lanes
// are independent, except while the endpoint is away: then only one probe at a time is sent, of a vehicle that has not
// failed if there is one. An endpoint that fails for some vehicles only (suspects.ts) does not stop the others.
//
// A waiting lane keeps ids only; its records are loaded again when their turn comes. Pure: no sockets, no Redis, no clock.
import type { LogEntry } from '@fleetbridge/store';
import { emptyLane, LANE_LIMITS, type Lane, type LaneLimits, type Outstanding } from './lane.js';
import { type Attribution, Suspects } from './suspects.js';

/** Records loaded at once for a lane after its wait. */
const RECORDS_PER_LOAD = 20;

/** How long to wait after a number of consecutive failures. */
export type WaitMs = (failures: number) => number;

export class Lanes {
  readonly #limits: LaneLimits;
  readonly #lanes = new Map<string, Lane>();
  readonly #ready: Lane[] = [];
  readonly #waiting = new Set<Lane>();
  /** When the first wait ends, or earlier. */
  #nextWaitEndMs = Number.POSITIVE_INFINITY;
  #toLoad: Lane[] = [];
  #suspension: { failures: number; probeAtMs: number; probe: Lane | undefined } | undefined;
  readonly #suspects = new Suspects();
  /** Records requested and not loaded yet. */
  #loading = 0;
  inFlight = 0;
  /** Entries not settled; of these, the number with records in memory, and the bytes of their payloads. */
  ids = 0;
  records = 0;
  bytes = 0;

  constructor(limits: LaneLimits = LANE_LIMITS) {
    this.#limits = limits;
  }

  /** The entries of a VIN must be added in id order. */
  add(outstanding: Outstanding, nowMs: number): void {
    const lane = this.#laneOf(outstanding.vin);
    lane.queue.push(outstanding);
    this.ids++;
    this.#count(lane, outstanding, 1);
    // half of the memory is reserved for lanes that have no more than one load in it
    const exceedsShare = lane.records > RECORDS_PER_LOAD && this.records > this.#limits.records / 2;
    if (this.isSuspended || exceedsShare || lane.retryAtMs > nowMs) this.#unload(lane, outstanding);
    this.#enqueue(lane, nowMs);
  }

  /** The number of entries that may be read from the log now. */
  get room(): number {
    const { records, bytes, ids } = this.#limits;
    // while suspended only ids are kept, until there is a vehicle to probe with
    if (this.isSuspended) return this.#hasUntriedLane ? 0 : Math.max(0, ids - this.ids);
    if (this.bytes >= bytes) return 0;
    return Math.max(0, Math.min(records - this.records, ids - this.ids));
  }

  get isSuspended(): boolean {
    return this.#suspension !== undefined;
  }

  /** When the next probe may be sent; undefined while the endpoint answers. */
  get probeAtMs(): number | undefined {
    return this.#suspension?.probeAtMs;
  }

  get vehicles(): number {
    return this.#lanes.size;
  }

  /** The first entry of a vehicle that is not settled, dead letters aside; undefined: all are. */
  firstOf(vin: string): string | undefined {
    const lane = this.#lanes.get(vin);
    return lane?.queue.slice(lane.head).find(({ deadLetter }) => deadLetter === undefined)?.id;
  }

  /** The next entry to send, if one may be sent now. It is in flight until `done`, `rejected` or `away`. */
  take(nowMs: number): Outstanding | undefined {
    this.#endWaits(nowMs);
    const suspension = this.#suspension;
    if (suspension && (suspension.probe !== undefined || suspension.probeAtMs > nowMs)) return undefined;
    if (suspension) this.#putUntriedFirst();
    for (let left = this.#ready.length; left > 0 && this.inFlight < this.#limits.inFlight; left--) {
      const lane = this.#ready.shift()!;
      const next = lane.queue[lane.head]!;
      if (next.entry === undefined && !this.#mayLoad) {
        this.#ready.push(lane);
        continue;
      }
      if (suspension) suspension.probe = lane;
      if (next.entry !== undefined) {
        lane.state = 'in_flight';
        this.inFlight++;
        return next;
      }
      lane.state = 'loading';
      lane.loads = this.#loadsOf(lane);
      this.#loading += lane.loads;
      this.#toLoad.push(lane);
      if (suspension) return undefined;
    }
    return undefined;
  }

  /** Ids of records to load, by VIN. The caller must answer each VIN with `loaded` or `notLoaded`. */
  toLoad(): { vin: string; ids: string[] }[] {
    const lanes = this.#toLoad;
    this.#toLoad = [];
    return lanes.map(({ vin, queue, head, loads }) => ({
      vin,
      ids: queue.slice(head, head + loads).map(({ id }) => id),
    }));
  }

  /** `entries` in the order of the ids; undefined for those no longer in the log, which are dropped. */
  loaded(vin: string, entries: readonly (LogEntry | undefined)[], nowMs: number): void {
    const lane = this.#laneOf(vin);
    this.#loading -= lane.loads;
    const requested = lane.queue.splice(lane.head, lane.loads);
    const found = requested.filter((outstanding, index) => {
      outstanding.entry = entries[index];
      this.#count(lane, outstanding, 1);
      return outstanding.entry !== undefined;
    });
    lane.queue.splice(lane.head, 0, ...found);
    this.ids -= requested.length - found.length;
    const isProbe = this.#suspension?.probe === lane;
    if (isProbe) this.#suspension!.probe = undefined;
    lane.state = 'idle';
    this.#enqueue(lane, nowMs, { first: isProbe });
  }

  /** The log could not be read; the lane retries after `waitMs`. */
  notLoaded(vin: string, { waitMs, nowMs }: { waitMs: number; nowMs: number }): void {
    const lane = this.#laneOf(vin);
    this.#loading -= lane.loads;
    if (this.#suspension?.probe === lane) this.#suspension.probe = undefined;
    this.#wait(lane, nowMs + waitMs);
  }

  /** Delivered, or made a dead letter. `isAnswered` is false when it died of failures, without an answer. */
  done(outstanding: Outstanding, nowMs: number, { isAnswered = true } = {}): void {
    const lane = this.#landed(outstanding);
    if (isAnswered) this.#answered(outstanding);
    lane.failures = 0;
    this.#count(lane, outstanding, -1);
    this.ids--;
    lane.head++;
    if (lane.head > 64 && lane.head * 2 > lane.queue.length) {
      lane.queue.splice(0, lane.head);
      lane.head = 0;
    }
    this.#enqueue(lane, nowMs);
  }

  /** The endpoint rejects this entry, or fails for it alone (`isAnswered` is false): only its lane waits. */
  rejected(
    outstanding: Outstanding,
    { waitMs, nowMs, isAnswered = true }: { waitMs: WaitMs; nowMs: number; isAnswered?: boolean },
  ): void {
    const lane = this.#landed(outstanding);
    if (isAnswered) this.#answered(outstanding);
    outstanding.rejections++;
    this.#wait(lane, nowMs + waitMs(++lane.failures));
  }

  /** What a failure of the entry in flight shows. Call it once per failure, before `away`, `rejected` or `done`. */
  attribute({ vin }: Outstanding): Attribution {
    return this.#suspects.failed(vin);
  }

  /**
   * The endpoint fails as if it were away: this lane waits. Unless it fails for this lane alone, all others wait until a
   * probe is answered.
   */
  away(
    outstanding: Outstanding,
    { waitMs, nowMs, isAlone }: { waitMs: WaitMs; nowMs: number; isAlone: boolean },
  ): void {
    const wasProbe = this.#suspension?.probe?.vin === outstanding.vin;
    const lane = this.#landed(outstanding);
    this.#wait(lane, nowMs + waitMs(++lane.failures));
    if (this.#suspension === undefined ? isAlone : !wasProbe) return;
    const failures = (this.#suspension?.failures ?? 0) + 1;
    if (failures === 1) for (const each of this.#lanes.values()) this.#unloadLane(each);
    this.#suspension = { failures, probeAtMs: nowMs + waitMs(failures), probe: undefined };
  }

  /** When `take` may return an entry again; undefined: only after another outcome or `add`. */
  nextAtMs(): number | undefined {
    if (this.#suspension?.probe) return undefined;
    let next = this.#nextWaitEndMs;
    if (this.#suspension) next = Math.max(this.#suspension.probeAtMs, this.#ready.length > 0 ? 0 : next);
    return Number.isFinite(next) ? next : undefined;
  }

  #laneOf(vin: string): Lane {
    let lane = this.#lanes.get(vin);
    if (lane === undefined) {
      lane = emptyLane(vin);
      this.#lanes.set(vin, lane);
    }
    return lane;
  }

  #answered({ vin }: Outstanding): void {
    this.#suspects.answered(vin);
    this.#suspension = undefined;
  }

  /** Whether a vehicle is here that has not failed since its last success. */
  get #hasUntriedLane(): boolean {
    for (const vin of this.#lanes.keys()) if (!this.#suspects.has(vin)) return true;
    return false;
  }

  /** For the next probe: a vehicle that fails is no proof that the endpoint is away. */
  #putUntriedFirst(): void {
    const index = this.#ready.findIndex(({ vin }) => !this.#suspects.has(vin));
    if (index > 0) this.#ready.unshift(...this.#ready.splice(index, 1));
  }

  /** At least one, so that delivery continues while other lanes fill the memory. */
  get #mayLoad(): boolean {
    const used = this.records + this.#loading;
    return used < this.#limits.records || (this.inFlight === 0 && this.#loading === 0);
  }

  #loadsOf({ queue, head }: Lane): number {
    const maximum = this.isSuspended
      ? 1
      : Math.min(RECORDS_PER_LOAD, this.#limits.records - this.records - this.#loading);
    let count = 1;
    while (count < maximum && queue[head + count] !== undefined && queue[head + count]!.entry === undefined) count++;
    return count;
  }

  #enqueue(lane: Lane, nowMs: number, { first = false } = {}): void {
    if (lane.state !== 'idle') return;
    if (lane.head === lane.queue.length) {
      this.#lanes.delete(lane.vin);
      return;
    }
    if (lane.retryAtMs > nowMs) {
      this.#wait(lane, lane.retryAtMs);
      return;
    }
    lane.state = 'ready';
    if (first) this.#ready.unshift(lane);
    else this.#ready.push(lane);
  }

  #wait(lane: Lane, untilMs: number): void {
    lane.state = 'waiting';
    lane.retryAtMs = untilMs;
    this.#waiting.add(lane);
    this.#nextWaitEndMs = Math.min(this.#nextWaitEndMs, untilMs);
    this.#unloadLane(lane);
  }

  #endWaits(nowMs: number): void {
    if (this.#nextWaitEndMs > nowMs) return;
    this.#nextWaitEndMs = Number.POSITIVE_INFINITY;
    for (const lane of this.#waiting) {
      if (lane.retryAtMs > nowMs) {
        this.#nextWaitEndMs = Math.min(this.#nextWaitEndMs, lane.retryAtMs);
        continue;
      }
      this.#waiting.delete(lane);
      lane.state = 'idle';
      this.#enqueue(lane, nowMs);
    }
  }

  #landed({ vin }: Outstanding): Lane {
    const lane = this.#laneOf(vin);
    if (lane.state !== 'in_flight') throw new Error(`no entry of ${vin} is in flight`);
    lane.state = 'idle';
    lane.retryAtMs = 0;
    this.inFlight--;
    if (this.#suspension?.probe === lane) this.#suspension.probe = undefined;
    return lane;
  }

  #unloadLane(lane: Lane): void {
    const from = lane.state === 'in_flight' ? lane.head + 1 : lane.head;
    for (let index = from; index < lane.queue.length; index++) this.#unload(lane, lane.queue[index]!);
  }

  /** A dead letter can't be loaded again from the log. */
  #unload(lane: Lane, outstanding: Outstanding): void {
    if (outstanding.deadLetter !== undefined) return;
    this.#count(lane, outstanding, -1);
    outstanding.entry = undefined;
  }

  #count(lane: Lane, { entry }: Outstanding, sign: 1 | -1): void {
    if (entry === undefined) return;
    lane.records += sign;
    this.records += sign;
    this.bytes += sign * entry.payload.length;
  }
}

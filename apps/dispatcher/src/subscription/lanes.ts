// What is to be delivered of one partition, and what may be sent now. A lane is a vehicle: its entries in id order, one
// of them under way at most, so that the next leaves only when the one before is delivered or given up. Lanes know
// nothing of each other, except while the endpoint is away: then one probe at a time is all that is sent.
//
// A lane that waits keeps ids; its records are read again when their turn comes. Pure: no socket, no Redis, no clock.
import type { LogEntry } from '@fleetbridge/store';

/** One entry that is not delivered yet. */
export interface Outstanding {
  readonly id: string;
  readonly vin: string;
  /** Undefined while only the id is kept. */
  entry: LogEntry | undefined;
  /** How often the endpoint rejected it. */
  rejections: number;
  /** Set when it is a dead letter that is delivered again: its id as such. */
  readonly deadLetter?: string;
}

export interface LaneLimits {
  /** Sends under way at once. */
  inFlight: number;
  /** Records kept in memory, and their payloads' bytes. */
  records: number;
  bytes: number;
  /** Ids kept in memory. */
  ids: number;
}

export const LANE_LIMITS: LaneLimits = { inFlight: 100, records: 1_000, bytes: 16_000_000, ids: 100_000 };
// Of a lane that comes back from waiting.
const RECORDS_A_LOAD = 20;

/** How long to wait after so many failures in a row. */
export type WaitMs = (failures: number) => number;

interface Lane {
  vin: string;
  queue: Outstanding[];
  /** Where the queue begins: what lies before is done with. */
  at: number;
  state: 'resting' | 'ready' | 'waiting' | 'loading' | 'in_flight';
  /** In a row. */
  failures: number;
  retryAtMs: number;
  /** While it loads: of how many records, from the head. */
  loads: number;
  /** Records of it in memory. */
  records: number;
}

export class Lanes {
  readonly #limits: LaneLimits;
  readonly #lanes = new Map<string, Lane>();
  readonly #ready: Lane[] = [];
  readonly #waiting = new Set<Lane>();
  /** The first of the waits to end, or earlier. */
  #firstEndMs = Number.POSITIVE_INFINITY;
  #toLoad: Lane[] = [];
  #suspension: { failures: number; probeAtMs: number; probe: Lane | undefined } | undefined;
  /** Records asked for and not here yet. */
  #loading = 0;
  inFlight = 0;
  /** Entries not done with; of these, those whose records are in memory, and the payloads' bytes of these. */
  ids = 0;
  records = 0;
  bytes = 0;

  constructor(limits: LaneLimits = LANE_LIMITS) {
    this.#limits = limits;
  }

  /** Takes an entry; those of a VIN in id order. */
  add(outstanding: Outstanding, nowMs: number): void {
    const lane = this.#laneOf(outstanding.vin);
    lane.queue.push(outstanding);
    this.ids++;
    this.#count(lane, outstanding, 1);
    // half of the memory is for those that have no more than a load of their own in it
    const isHoarding = lane.records > RECORDS_A_LOAD && this.records > this.#limits.records / 2;
    if (this.isSuspended || isHoarding || lane.retryAtMs > nowMs) this.#unload(lane, outstanding);
    this.#putInLine(lane, nowMs);
  }

  /** How many more entries may be read from the log. */
  get room(): number {
    const { records, bytes, ids } = this.#limits;
    if (this.isSuspended || this.bytes >= bytes) return 0;
    return Math.max(0, Math.min(records - this.records, ids - this.ids));
  }

  get isSuspended(): boolean {
    return this.#suspension !== undefined;
  }

  get vehicles(): number {
    return this.#lanes.size;
  }

  /** The next one to send, if any may be sent now. It is under way until its outcome is told. */
  take(nowMs: number): Outstanding | undefined {
    this.#endWaits(nowMs);
    const suspension = this.#suspension;
    if (suspension && (suspension.probe !== undefined || suspension.probeAtMs > nowMs)) return undefined;
    for (let looked = this.#ready.length; looked > 0 && this.inFlight < this.#limits.inFlight; looked--) {
      const lane = this.#ready.shift()!;
      const head = lane.queue[lane.at]!;
      if (head.entry === undefined && !this.#mayLoad) {
        this.#ready.push(lane);
        continue;
      }
      if (suspension) suspension.probe = lane;
      if (head.entry !== undefined) {
        lane.state = 'in_flight';
        this.inFlight++;
        return head;
      }
      lane.state = 'loading';
      lane.loads = this.#loadsOf(lane);
      this.#loading += lane.loads;
      this.#toLoad.push(lane);
      if (suspension) return undefined;
    }
    return undefined;
  }

  /** Ids whose records are needed, by VIN; each VIN is answered with `loaded` or `notLoaded`. */
  toLoad(): { vin: string; ids: string[] }[] {
    const lanes = this.#toLoad;
    this.#toLoad = [];
    return lanes.map(({ vin, queue, at, loads }) => ({ vin, ids: queue.slice(at, at + loads).map(({ id }) => id) }));
  }

  /** `entries` in the order of the ids, undefined for those that are gone from the log; these are forgotten. */
  loaded(vin: string, entries: readonly (LogEntry | undefined)[], nowMs: number): void {
    const lane = this.#laneOf(vin);
    this.#loading -= lane.loads;
    const asked = lane.queue.splice(lane.at, lane.loads);
    const found = asked.filter((outstanding, index) => {
      outstanding.entry = entries[index];
      this.#count(lane, outstanding, 1);
      return outstanding.entry !== undefined;
    });
    lane.queue.splice(lane.at, 0, ...found);
    this.ids -= asked.length - found.length;
    const isProbe = this.#suspension?.probe === lane;
    if (isProbe) this.#suspension!.probe = undefined;
    lane.state = 'resting';
    this.#putInLine(lane, nowMs, { first: isProbe });
  }

  /** The log could not be read: the lane asks again after a while. */
  notLoaded(vin: string, { waitMs, nowMs }: { waitMs: number; nowMs: number }): void {
    const lane = this.#laneOf(vin);
    this.#loading -= lane.loads;
    if (this.#suspension?.probe === lane) this.#suspension.probe = undefined;
    this.#wait(lane, nowMs + waitMs);
  }

  /** Delivered, or made a dead letter. Either way the endpoint is there. */
  done(outstanding: Outstanding, nowMs: number): void {
    const lane = this.#landed(outstanding);
    lane.failures = 0;
    this.#count(lane, outstanding, -1);
    this.ids--;
    lane.at++;
    if (lane.at > 64 && lane.at * 2 > lane.queue.length) {
      lane.queue.splice(0, lane.at);
      lane.at = 0;
    }
    this.#suspension = undefined;
    this.#putInLine(lane, nowMs);
  }

  /** The endpoint is there but does not want this one: its lane waits, and only that. */
  rejected(outstanding: Outstanding, { waitMs, nowMs }: { waitMs: WaitMs; nowMs: number }): void {
    const lane = this.#landed(outstanding);
    outstanding.rejections++;
    this.#suspension = undefined;
    this.#wait(lane, nowMs + waitMs(++lane.failures));
  }

  /**
   * The endpoint is away: this lane waits, and all others until a probe gets an answer. The probe is another lane where
   * there is one. So an endpoint that fails for one vehicle alone is back with the first probe, and that one waits on.
   */
  away(outstanding: Outstanding, { waitMs, nowMs }: { waitMs: WaitMs; nowMs: number }): void {
    const wasProbe = this.#suspension?.probe?.vin === outstanding.vin;
    const lane = this.#landed(outstanding);
    this.#wait(lane, nowMs + waitMs(++lane.failures));
    if (this.#suspension !== undefined && !wasProbe) return;
    const failures = (this.#suspension?.failures ?? 0) + 1;
    if (failures === 1) for (const one of this.#lanes.values()) this.#unloadLane(one);
    this.#suspension = { failures, probeAtMs: nowMs + waitMs(failures), probe: undefined };
  }

  /** When `take` may have something that it does not have now; undefined when only an outcome or an add can bring it. */
  nextAtMs(): number | undefined {
    if (this.#suspension?.probe) return undefined;
    let next = this.#firstEndMs;
    if (this.#suspension) next = Math.max(this.#suspension.probeAtMs, this.#ready.length > 0 ? 0 : next);
    return Number.isFinite(next) ? next : undefined;
  }

  #laneOf(vin: string): Lane {
    let lane = this.#lanes.get(vin);
    if (lane === undefined) {
      lane = { vin, queue: [], at: 0, state: 'resting', failures: 0, retryAtMs: 0, loads: 0, records: 0 };
      this.#lanes.set(vin, lane);
    }
    return lane;
  }

  /** One at least, so that nothing stands still when others fill the memory. */
  get #mayLoad(): boolean {
    const kept = this.records + this.#loading;
    return kept < this.#limits.records || (this.inFlight === 0 && this.#loading === 0);
  }

  #loadsOf({ queue, at }: Lane): number {
    const atMost = this.isSuspended ? 1 : Math.min(RECORDS_A_LOAD, this.#limits.records - this.records - this.#loading);
    let count = 1;
    while (count < atMost && queue[at + count] !== undefined && queue[at + count]!.entry === undefined) count++;
    return count;
  }

  #putInLine(lane: Lane, nowMs: number, { first = false } = {}): void {
    if (lane.state !== 'resting') return;
    if (lane.at === lane.queue.length) {
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
    this.#firstEndMs = Math.min(this.#firstEndMs, untilMs);
    this.#unloadLane(lane);
  }

  #endWaits(nowMs: number): void {
    if (this.#firstEndMs > nowMs) return;
    this.#firstEndMs = Number.POSITIVE_INFINITY;
    for (const lane of this.#waiting) {
      if (lane.retryAtMs > nowMs) {
        this.#firstEndMs = Math.min(this.#firstEndMs, lane.retryAtMs);
        continue;
      }
      this.#waiting.delete(lane);
      lane.state = 'resting';
      this.#putInLine(lane, nowMs);
    }
  }

  #landed({ vin }: Outstanding): Lane {
    const lane = this.#laneOf(vin);
    if (lane.state !== 'in_flight') throw new Error(`nothing of ${vin} is under way`);
    lane.state = 'resting';
    lane.retryAtMs = 0;
    this.inFlight--;
    if (this.#suspension?.probe === lane) this.#suspension.probe = undefined;
    return lane;
  }

  #unloadLane(lane: Lane): void {
    const from = lane.state === 'in_flight' ? lane.at + 1 : lane.at;
    for (let index = from; index < lane.queue.length; index++) this.#unload(lane, lane.queue[index]!);
  }

  /** A dead letter can't be read again from the log. */
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

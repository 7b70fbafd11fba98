// The slots that this process' connections hold. What clients have confirmed is written to Redis in batches; what could
// not be written is kept until it can.
import { randomUUID } from 'node:crypto';
import type { Logger } from '@fleetbridge/service';
import type { SlotStore, SlotUpdate } from '@fleetbridge/store';
import type { StreamingCounts } from '../metrics.js';

const WRITE_EVERY_MS = 250;
/** A process without anything to write says this often that it lives. */
const BEAT_EVERY_MS = 500;
/** A script call holds up everybody else's. */
const SLOTS_A_CALL = 500;

export interface HolderOptions {
  vin: string;
  /** One name for a token, a VIN and a column list. */
  subscriber: string;
  /** The same when it asks again. */
  connectionId: string;
  /** Where a new slot begins. */
  cursor: string;
  /** Since when the client has been asking, from an earlier `wait`. */
  askedMs?: number | undefined;
  /** Called when somebody asks who may be the same client: ping it, to show that it is there. */
  prove: () => void;
  /** Whether the connection still waits for the answer. */
  isWanted: () => boolean;
}

interface TakenSlot {
  id: string;
  cursor: string;
  isNew: boolean;
  onRelease: () => void;
}

/** A connection's place in the log. */
export class HeldSlot {
  readonly vin: string;
  readonly subscriber: string;
  readonly connectionId: string;
  readonly isNew: boolean;
  readonly prove: () => void;
  id: string;
  isReleased = false;
  /** Somebody took its slot, so it has a new one, which Redis does not know yet. */
  hasMoved = false;
  isDirty = false;
  readonly #onRelease: () => void;
  #cursor: string;

  constructor({ vin, subscriber, connectionId, prove }: HolderOptions, taken: TakenSlot) {
    this.#onRelease = taken.onRelease;
    this.vin = vin;
    this.subscriber = subscriber;
    this.prove = prove;
    this.connectionId = connectionId;
    this.isNew = taken.isNew;
    this.id = taken.id;
    this.#cursor = taken.cursor;
  }

  /** All up to here has arrived at the client. */
  get cursor(): string {
    return this.#cursor;
  }

  /** The client has answered, and has all up to here. */
  confirm(cursor: string): void {
    this.#cursor = cursor;
    this.isDirty = true;
  }

  /** The connection is gone, or asks for something else: whoever comes back may have the place. */
  release(): void {
    if (this.isReleased) return;
    this.isReleased = true;
    this.isDirty = true;
    this.#onRelease();
  }
}

export interface SlotBookOptions {
  store: SlotStore;
  partitions: number;
  counts: Pick<StreamingCounts, 'slots'>;
  log: Logger;
}

export class ResumePositions {
  readonly #store: SlotStore;
  readonly #counts: SlotBookOptions['counts'];
  readonly #log: Logger;
  readonly #held = new Map<number, Set<HeldSlot>>();
  /** By subscriber: the last one that asks. */
  readonly #taking = new Map<string, Promise<unknown>>();
  #timer: NodeJS.Timeout | undefined;
  #lastWrite: Promise<void> = Promise.resolve();
  #nextWrite: Promise<void> | undefined;
  #lastBeatMs = 0;
  #isStopped = false;

  constructor({ store, partitions, counts, log }: SlotBookOptions) {
    this.#store = store;
    this.#counts = counts;
    this.#log = log;
    for (let partition = 0; partition < partitions; partition++) this.#held.set(partition, new Set());
  }

  start(): void {
    this.#timer = setInterval(() => void this.write().catch(() => {}), WRITE_EVERY_MS);
  }

  /** Writes what connections have left behind. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    try {
      await this.write();
      await this.#store.leave();
    } catch (err) {
      // they pass to others when this process gives no more sign of life
      this.#log.warn({ err, slots: this.#counts.slots }, 'slots_not_released');
    }
  }

  /**
   * A slot, or since when the client has been asking; undefined when it is not wanted any more. Throws when Redis does
   * not answer. One after the other: a connection that broke while it asked leaves its place to the one that follows it.
   */
  async take(options: HolderOptions): Promise<HeldSlot | { askedMs: number } | undefined> {
    const { subscriber } = options;
    const before = this.#taking.get(subscriber) ?? Promise.resolve();
    const taking = before.catch(() => {}).then(() => this.#take(options));
    this.#taking.set(subscriber, taking);
    try {
      return await taking;
    } finally {
      if (this.#taking.get(subscriber) === taking) this.#taking.delete(subscriber);
    }
  }

  async #take(options: HolderOptions): Promise<HeldSlot | { askedMs: number } | undefined> {
    const { vin, subscriber, connectionId, cursor, askedMs, isWanted } = options;
    const held = this.#held.get(this.#store.partitionOf(vin))!;
    for (const other of held) if (other.subscriber === subscriber && !other.isReleased) other.prove();
    // what has just been released or confirmed here must be known there
    await this.write();
    const answer = await this.#store.acquire(vin, {
      subscriber,
      connectionId,
      newSlot: { id: connectionId, cursor },
      askedMs,
    });
    if (answer.kind === 'wait') return { askedMs: answer.askedMs };
    const onRelease = () => {
      this.#counts.slots--;
      // who comes back at another replica should find it free
      this.write().catch(() => {});
    };
    const slot = new HeldSlot(options, { ...answer, onRelease });
    held.add(slot);
    this.#counts.slots++;
    if (isWanted()) return slot;
    slot.release();
    return undefined;
  }

  /** Resolves when all that was confirmed or released before the call is written. */
  write(): Promise<void> {
    this.#nextWrite ??= this.#lastWrite.then(() => {
      this.#nextWrite = undefined;
      const writing = this.#write();
      this.#lastWrite = writing.catch(() => {});
      return writing;
    });
    return this.#nextWrite;
  }

  async #write(): Promise<void> {
    const nowMs = performance.now();
    const isBeatDue = nowMs - this.#lastBeatMs >= BEAT_EVERY_MS && !this.#isStopped;
    if (isBeatDue) this.#lastBeatMs = nowMs;
    await Promise.all(
      [...this.#held].map(([partition, held]) => {
        const dirty = [...held].filter(({ isDirty }) => isDirty);
        return dirty.length > 0 || isBeatDue ? this.#writePartition(partition, held, dirty) : undefined;
      }),
    );
  }

  async #writePartition(partition: number, held: Set<HeldSlot>, dirty: HeldSlot[]): Promise<void> {
    for (let from = 0; from === 0 || from < dirty.length; from += SLOTS_A_CALL) {
      await this.#writeSlots(partition, held, dirty.slice(from, from + SLOTS_A_CALL));
    }
  }

  async #writeSlots(partition: number, held: Set<HeldSlot>, dirty: HeldSlot[]): Promise<void> {
    const updates = dirty.map((slot): SlotUpdate => {
      const { vin, id, subscriber, connectionId, cursor, hasMoved, isReleased } = slot;
      return { vin, id, subscriber, connectionId, cursor, change: hasMoved ? 'new' : isReleased ? 'free' : 'keep' };
    });
    for (const slot of dirty) slot.isDirty = false;
    let areOurs: boolean[];
    try {
      areOurs = await this.#store.update(partition, updates);
    } catch (error) {
      for (const slot of dirty) slot.isDirty = true;
      throw error;
    }
    dirty.forEach((slot, n) => {
      const { change } = updates[n]!;
      if (change === 'free') {
        held.delete(slot);
      } else if (change === 'new') {
        slot.hasMoved = false;
        slot.isDirty ||= slot.isReleased;
      } else if (!areOurs[n]) {
        // taken by somebody who came while this connection seemed dead: both go on, each from its own place
        slot.id = randomUUID();
        slot.hasMoved = true;
        slot.isDirty = true;
      }
    });
  }
}

// The slots of this process's connections: their resume positions in Redis. Confirmed cursors are written in batches;
// a failed write is retried.
import { randomUUID } from 'node:crypto';
import type { Logger } from '@fleetbridge/service';
import type { SlotStore, SlotUpdate } from '@fleetbridge/store';
import type { StreamingCounts } from '../metrics.js';

const WRITE_EVERY_MS = 250;
/** Interval of the heartbeat of a process with nothing else to write. */
const HEARTBEAT_EVERY_MS = 500;
/** A script blocks Redis while it runs. */
const SLOTS_PER_CALL = 500;

export interface SlotRequest {
  vin: string;
  /** The name for a principal, a VIN and a column list. */
  subscriber: string;
  /** The same in a repeated request. */
  connectionId: string;
  /** The position of a new slot. */
  cursor: string;
  /** Time of the client's first request, from an earlier answer. */
  askedMs?: number | undefined;
  /** Called when a connection that can be the same client requests a slot: ping the client, to prove that it is there. */
  prove: () => void;
  /** Whether the connection still waits for the slot. */
  isWanted: () => boolean;
}

interface AcquiredSlot {
  id: string;
  cursor: string;
  isNew: boolean;
  onRelease: () => void;
}

/** The resume position of a connection. */
export class HeldSlot {
  readonly vin: string;
  readonly subscriber: string;
  readonly connectionId: string;
  readonly isNew: boolean;
  readonly prove: () => void;
  id: string;
  isReleased = false;
  /** Another connection has acquired the slot; this connection has a new one, which is not in Redis yet. */
  hasMoved = false;
  isDirty = false;
  readonly #onRelease: () => void;
  #cursor: string;

  constructor({ vin, subscriber, connectionId, prove }: SlotRequest, acquired: AcquiredSlot) {
    this.#onRelease = acquired.onRelease;
    this.vin = vin;
    this.subscriber = subscriber;
    this.prove = prove;
    this.connectionId = connectionId;
    this.isNew = acquired.isNew;
    this.id = acquired.id;
    this.#cursor = acquired.cursor;
  }

  /** The last entry that the client has confirmed. */
  get cursor(): string {
    return this.#cursor;
  }

  /** The client has everything up to this cursor. */
  confirm(cursor: string): void {
    this.#cursor = cursor;
    this.isDirty = true;
  }

  /** The connection has ended or subscribes to something else: the next connection of the subscriber can have the slot. */
  release(): void {
    if (this.isReleased) return;
    this.isReleased = true;
    this.isDirty = true;
    this.#onRelease();
  }
}

export interface ResumePositionsOptions {
  store: SlotStore;
  partitions: number;
  counts: Pick<StreamingCounts, 'slots'>;
  log: Logger;
}

export class ResumePositions {
  readonly #store: SlotStore;
  readonly #counts: ResumePositionsOptions['counts'];
  readonly #log: Logger;
  readonly #held = new Map<number, Set<HeldSlot>>();
  /** By subscriber: the last request. */
  readonly #acquiring = new Map<string, Promise<unknown>>();
  #timer: NodeJS.Timeout | undefined;
  #lastWrite: Promise<void> = Promise.resolve();
  #nextWrite: Promise<void> | undefined;
  #lastHeartbeatMs = 0;
  #isStopped = false;

  constructor({ store, partitions, counts, log }: ResumePositionsOptions) {
    this.#store = store;
    this.#counts = counts;
    this.#log = log;
    for (let partition = 0; partition < partitions; partition++) this.#held.set(partition, new Set());
  }

  start(): void {
    this.#timer = setInterval(() => void this.write().catch(() => {}), WRITE_EVERY_MS);
  }

  /** Writes the last cursors and releases all slots. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    try {
      await this.write();
      await this.#store.leave();
    } catch (err) {
      // the slots become free when the heartbeat of this process expires
      this.#log.warn({ err, slots: this.#counts.slots }, 'slot_release_failed');
    }
  }

  /**
   * Returns a slot, or the time of the first request if the client must ask again; undefined when the slot is no longer
   * wanted. Rejects when Redis does not answer. Requests of a subscriber run one after the other: the slot of a connection
   * that ends during its request is free for the next request.
   */
  async acquire(options: SlotRequest): Promise<HeldSlot | { askedMs: number } | undefined> {
    const { subscriber } = options;
    const before = this.#acquiring.get(subscriber) ?? Promise.resolve();
    const acquiring = before.catch(() => {}).then(() => this.#acquire(options));
    this.#acquiring.set(subscriber, acquiring);
    try {
      return await acquiring;
    } finally {
      if (this.#acquiring.get(subscriber) === acquiring) this.#acquiring.delete(subscriber);
    }
  }

  async #acquire(options: SlotRequest): Promise<HeldSlot | { askedMs: number } | undefined> {
    const { vin, subscriber, connectionId, cursor, askedMs, isWanted } = options;
    const held = this.#held.get(this.#store.partitionOf(vin))!;
    for (const other of held) if (other.subscriber === subscriber && !other.isReleased) other.prove();
    // Redis must know what was released or confirmed here
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
      // a client that reconnects to another replica must find the slot free
      this.write().catch(() => {});
    };
    const slot = new HeldSlot(options, { ...answer, onRelease });
    held.add(slot);
    this.#counts.slots++;
    if (isWanted()) return slot;
    slot.release();
    return undefined;
  }

  /** Resolves when everything that was confirmed or released before the call is written. */
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
    const isHeartbeatDue = nowMs - this.#lastHeartbeatMs >= HEARTBEAT_EVERY_MS && !this.#isStopped;
    if (isHeartbeatDue) this.#lastHeartbeatMs = nowMs;
    await Promise.all(
      [...this.#held].map(([partition, held]) => {
        const dirty = [...held].filter(({ isDirty }) => isDirty);
        return dirty.length > 0 || isHeartbeatDue ? this.#writePartition(partition, held, dirty) : undefined;
      }),
    );
  }

  async #writePartition(partition: number, held: Set<HeldSlot>, dirty: HeldSlot[]): Promise<void> {
    for (let from = 0; from === 0 || from < dirty.length; from += SLOTS_PER_CALL) {
      await this.#writeSlots(partition, held, dirty.slice(from, from + SLOTS_PER_CALL));
    }
  }

  async #writeSlots(partition: number, held: Set<HeldSlot>, dirty: HeldSlot[]): Promise<void> {
    const updates = dirty.map((slot): SlotUpdate => {
      const { vin, id, subscriber, connectionId, cursor, hasMoved, isReleased } = slot;
      return { vin, id, subscriber, connectionId, cursor, change: hasMoved ? 'new' : isReleased ? 'free' : 'keep' };
    });
    for (const slot of dirty) slot.isDirty = false;
    let areHeld: boolean[];
    try {
      areHeld = await this.#store.update(partition, updates);
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
      } else if (!areHeld[n]) {
        // acquired by another connection while this one seemed dead: both continue, each at its own position
        slot.id = randomUUID();
        slot.hasMoved = true;
        slot.isDirty = true;
      }
    });
  }
}

// Resume positions of the streaming server: one slot per connection, with the cursor that its client has confirmed. Any
// process can take over any slot, because one script checks all slots of a vehicle. All times come from Redis, so the
// clocks of the processes need not agree.

import { runScript, type Store } from '../redis/index.js';
import { acquireSlot, updateSlots } from '../scripts/index.js';

export const slotTimes = {
  /** After this time without an answer to a ping, a connection loses its slot to the next request. */
  noPongMs: 10_000,
  /** A process that sends no heartbeat for this long, while a request waits for one of its slots, is dead. */
  deadProcessMs: 2_000,
  /** A client reconnects two seconds after its connection broke: a connection that answered later is another client. */
  youngMs: 1_500,
};
export type SlotTimes = typeof slotTimes;

export interface SlotStoreOptions {
  store: Store;
  /** The process that uses this store, unique per start. Contains no spaces, as all ids here. */
  processId: string;
  /** Expiry of a slot that is free. */
  windowMs: number;
  /** Other times, for tests. */
  times?: Partial<SlotTimes>;
}

export interface SlotRequest {
  /** One name per token, VIN and column list. */
  subscriber: string;
  /** The same when the request is repeated, so that its slot is found after a lost answer. */
  connectionId: string;
  /** Id and cursor of a new slot, when no slot is free. */
  newSlot: { id: string; cursor: string };
  /** From an earlier answer to the same request; undefined in the first request. */
  askedMs: number | undefined;
}

export type SlotReply =
  | { kind: 'acquired'; id: string; cursor: string; isNew: boolean }
  /** No slot is free, but a holder may be dead: it has sent no heartbeat since the first request. Ask again soon. */
  | { kind: 'wait'; askedMs: number };

export interface SlotUpdate {
  vin: string;
  id: string;
  subscriber: string;
  connectionId: string;
  cursor: string;
  /** keep: the connection answers. free: it is closed, the position stays. new: it lost its slot and gets this one. */
  change: 'keep' | 'free' | 'new';
}

export class SlotStore {
  readonly #options: SlotStoreOptions;

  constructor(options: SlotStoreOptions) {
    this.#options = options;
  }

  get processId(): string {
    return this.#options.processId;
  }

  /** The free slot with the lowest cursor, else a new one. */
  async acquire(vin: string, { subscriber, connectionId, newSlot, askedMs }: SlotRequest): Promise<SlotReply> {
    const { store, processId, windowMs, times } = this.#options;
    const { noPongMs, deadProcessMs, youngMs } = { ...slotTimes, ...times };
    const keys = store.keysOf(vin);
    const reply = (await runScript(
      store.redis,
      acquireSlot,
      [keys.slotsPrefix + vin, keys.slotVins, keys.streamingProcesses],
      [
        vin,
        subscriber,
        processId,
        connectionId,
        newSlot.id,
        newSlot.cursor,
        askedMs ?? '',
        windowMs,
        noPongMs,
        deadProcessMs,
        youngMs,
      ],
    )) as [string, string, string];
    const [kind, id, cursor] = reply;
    if (kind === 'wait') return { kind, askedMs: Number(id) };
    return { kind: 'acquired', id, cursor, isNew: kind === 'new' };
  }

  /**
   * Also the heartbeat of this process. Returns per update whether this connection still held the slot (always true for
   * `new`); if not, another connection has acquired it.
   */
  async update(partition: number, updates: SlotUpdate[]): Promise<boolean[]> {
    const { store, processId, windowMs } = this.#options;
    const keys = store.keys(partition);
    const args: (string | number)[] = [keys.slotsPrefix, processId, windowMs];
    for (const { vin, id, subscriber, connectionId, cursor, change } of updates) {
      args.push(vin, id, subscriber, connectionId, cursor, change);
    }
    const codes = (await runScript(store.redis, updateSlots, [keys.slotVins, keys.streamingProcesses], args)) as string;
    return updates.map((_, index) => codes[index] === '1');
  }

  /** The vehicles of a partition that have slots. */
  async vins(partition: number): Promise<string[]> {
    const { store } = this.#options;
    return await store.redis.zrange(store.keys(partition).slotVins, '0', '-1');
  }

  /** The cursors of the slots of a vehicle. */
  async cursors(vin: string): Promise<string[]> {
    const { store } = this.#options;
    const slots = await store.redis.hvals(store.keysOf(vin).slotsPrefix + vin);
    return slots.map((slot) => slot.slice(slot.lastIndexOf(' ') + 1));
  }

  /** Frees all slots that this process still holds. */
  async leave(): Promise<void> {
    const { store, processId } = this.#options;
    await store.eachPartition(({ streamingProcesses }) => store.redis.hdel(streamingProcesses, processId));
  }

  /** Removes processes without a heartbeat for longer than the expiry of a slot. */
  async removeDeadProcesses(): Promise<void> {
    const { store, windowMs } = this.#options;
    await store.eachPartition(async ({ streamingProcesses }) => {
      const beats = Object.entries(await store.redis.hgetall(streamingProcesses));
      const latest = Math.max(...beats.map(([, beatMs]) => Number(beatMs)));
      const dead = beats.filter(([, beatMs]) => Number(beatMs) < latest - windowMs).map(([id]) => id);
      if (dead.length > 0) await store.redis.hdel(streamingProcesses, ...dead);
    });
  }

  partitionOf(vin: string): number {
    return this.#options.store.partitionOf(vin);
  }
}

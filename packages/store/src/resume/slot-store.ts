// Resume positions of the streaming server: a slot a connection, with the cursor that its client has confirmed. Any
// process can take over any slot, because taking is one script that looks at all slots of a vehicle at once. Times are
// Redis' own, so that processes need not agree on a clock.

import { runScript, type Store } from '../redis/index.js';
import { keepSlots, takeSlot } from '../scripts/index.js';

export const slotTimes = {
  /** A connection that has not answered a ping for so long has lost its slot to whoever asks. */
  noPongMs: 10_000,
  /** A process that gives no sign of life for so long while somebody waits for one of its slots is dead. */
  deadProcessMs: 2_000,
  /** A client whose connection broke comes back after two seconds: who has answered later than that is another one. */
  youngMs: 1_500,
};
export type SlotTimes = typeof slotTimes;

export interface SlotStoreOptions {
  store: Store;
  /** Of the process that uses this store, different in each life of it. Without spaces, as all ids here. */
  processId: string;
  /** A slot that nobody holds is kept so long. */
  windowMs: number;
  /** Other times, for tests. */
  times?: Partial<SlotTimes>;
}

export interface SlotRequest {
  /** Who comes back: one name for a token, a VIN and a column list. */
  subscriber: string;
  /** The same when it asks again: its slot is found, should an answer have been lost. */
  connectionId: string;
  /** What a new slot is called and where it begins, if there is none to take. */
  newSlot: { id: string; cursor: string };
  /** From an earlier answer to the same wish; the first time undefined. */
  askedMs: number | undefined;
}

export type SlotReply =
  | { kind: 'taken'; id: string; cursor: string; isNew: boolean }
  /** None is free, but a holder may be gone, and has not shown otherwise since it was asked: ask again soon. */
  | { kind: 'wait'; askedMs: number };

export interface SlotUpdate {
  vin: string;
  id: string;
  subscriber: string;
  connectionId: string;
  cursor: string;
  /** keep: the connection answers; free: it is gone, the position stays; new: it lost its slot and gets this one. */
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
  async take(vin: string, { subscriber, connectionId, newSlot, askedMs }: SlotRequest): Promise<SlotReply> {
    const { store, processId, windowMs, times } = this.#options;
    const { noPongMs, deadProcessMs, youngMs } = { ...slotTimes, ...times };
    const keys = store.keysOf(vin);
    const reply = (await runScript(
      store.redis,
      takeSlot,
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
    return { kind: 'taken', id, cursor, isNew: kind === 'new' };
  }

  /**
   * Also this process' sign of life. Answers for each update whether the slot was still ours (always true for `new`);
   * if not, another connection has taken it.
   */
  async update(partition: number, updates: SlotUpdate[]): Promise<boolean[]> {
    const { store, processId, windowMs } = this.#options;
    const keys = store.keys(partition);
    const args: (string | number)[] = [keys.slotsPrefix, processId, windowMs];
    for (const { vin, id, subscriber, connectionId, cursor, change } of updates) {
      args.push(vin, id, subscriber, connectionId, cursor, change);
    }
    const codes = (await runScript(store.redis, keepSlots, [keys.slotVins, keys.streamingProcesses], args)) as string;
    return updates.map((_, index) => codes[index] === '1');
  }

  /** The vehicles of a partition that have slots. */
  async vins(partition: number): Promise<string[]> {
    const { store } = this.#options;
    return await store.redis.zrange(store.keys(partition).slotVins, '0', '-1');
  }

  /** The cursors of a vehicle's slots. */
  async cursors(vin: string): Promise<string[]> {
    const { store } = this.#options;
    const slots = await store.redis.hvals(store.keysOf(vin).slotsPrefix + vin);
    return slots.map((slot) => slot.slice(slot.lastIndexOf(' ') + 1));
  }

  /** What this process still holds is free from now on. */
  async leave(): Promise<void> {
    const { store, processId } = this.#options;
    await store.eachPartition(({ streamingProcesses }) => store.redis.hdel(streamingProcesses, processId));
  }

  /** Processes that have been silent for longer than any slot lives. */
  async forgetTheDead(): Promise<void> {
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

// What REST has answered for each vehicle, so that no answer contradicts an earlier one: after a restart and in other
// processes too.
import { runScript, type Store } from '../redis/index.js';
import { answerState } from '../scripts/index.js';

export interface PresentState {
  nowMs: number;
  status: 'online' | 'asleep' | 'offline';
  /** Of the newest record with a reading, 0 and 0-0 without one. */
  recordMs: number;
  entryId: string;
  updateStatus: string;
}

export interface AnsweredState {
  status: PresentState['status'];
  /** For vehicle_data; 0 if it was never answered. */
  timestampMs: number;
  updateStatus: string;
}

export class AnsweredStates {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** What to answer, which counts as answered. */
  async answer(vin: string, present: PresentState): Promise<AnsweredState> {
    const { nowMs, status, recordMs, entryId, updateStatus } = present;
    const reply = await runScript(
      this.#store.redis,
      answerState,
      [this.#store.keysOf(vin).answeredPrefix + vin],
      [Math.trunc(nowMs), status, Math.trunc(recordMs), entryId, updateStatus],
    );
    const [answered, timestamp, update] = reply as [PresentState['status'], string, string];
    return { status: answered, timestampMs: Number(timestamp), updateStatus: update };
  }
}

// The frames of one vehicle in the order of its records: one per record that changes a column, never back in time, never
// the same frame twice (TeslaMate stores each frame in a drive as another position).
import { type FrameRow, isSameFrame, toFrameRow } from './frame.js';
import type { VehicleRecord, VehicleState } from './state.js';

export class FrameSequence {
  #last: FrameRow | undefined;

  /** `last` is the frame that subscribers already have. The next frame differs from it and is not older. */
  constructor(last?: FrameRow) {
    this.#last = last;
  }

  get last(): FrameRow | undefined {
    return this.#last;
  }

  /**
   * `state` is the vehicle's state with the record merged. undefined: nothing to send, because the record is not a V
   * record or older than the last frame, no location is known yet, or no column changed. A late record's changes appear
   * in the next frame.
   */
  next(state: VehicleState, { timeMs, decoded }: VehicleRecord): FrameRow | undefined {
    if (decoded.topic !== 'V' || (this.#last && timeMs < this.#last.timeMs)) return undefined;
    const row = toFrameRow(state, timeMs);
    if (!row || (this.#last && isSameFrame(row, this.#last))) return undefined;
    this.#last = row;
    return row;
  }
}

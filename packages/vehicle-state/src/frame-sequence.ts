// The frames of one vehicle as its records come: one a record that changes any column, never back in time, never the
// same twice (TeslaMate stores each frame in a drive as another position).
import { type FrameRow, isSameFrame, toFrameRow } from './frame.js';
import type { VehicleRecord, VehicleState } from './state.js';

export class FrameSequence {
  #last: FrameRow | undefined;

  /** `last` is the frame that subscribers have already; the next one differs from it and is not older. */
  constructor(last?: FrameRow) {
    this.#last = last;
  }

  get last(): FrameRow | undefined {
    return this.#last;
  }

  /**
   * `state` is the vehicle's with the record merged. undefined = nothing to send: no V record, older than the last
   * frame, no location yet, or no column changed. What a late record changed shows in the next frame.
   */
  next(state: VehicleState, { timeMs, decoded }: VehicleRecord): FrameRow | undefined {
    if (decoded.topic !== 'V' || (this.#last && timeMs < this.#last.timeMs)) return undefined;
    const row = toFrameRow(state, timeMs);
    if (!row || (this.#last && isSameFrame(row, this.#last))) return undefined;
    this.#last = row;
    return row;
  }
}

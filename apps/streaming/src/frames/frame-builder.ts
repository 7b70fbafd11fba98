// The frames of one vehicle from some entry of the log on: its state, the sequence of frames that follows from it, and
// the recent ones. Two processes that begin at the same checkpoint make the same frames, so that a subscriber may go
// from one to the other.
import { isAfter } from '@fleetbridge/protocol';
import type { Checkpoint, LogEntry } from '@fleetbridge/store';
import {
  CONNECTIVITY,
  FrameSequence,
  mergeRecord,
  mergeStates,
  newestReadingMs,
  readingsToHash,
  stateFromHash,
  toFrameRow,
  type VehicleRecord,
  type VehicleState,
} from '@fleetbridge/vehicle-state';
import { checkpointText, parseCheckpoint } from './checkpoint.js';
import { createFrame, type Frame, isAfter } from './frame.js';
import { FrameRing } from './frame-ring.js';

/** Everything that a column is made of, and whether the vehicle is connected. */
export const frameSignals: readonly string[] = [
  'VehicleSpeed',
  'Odometer',
  'Soc',
  'BatteryLevel',
  'GpsHeading',
  'Location',
  'PackVoltage',
  'PackCurrent',
  'Gear',
  'DetailedChargeState',
  'ChargeState',
  'ACChargingPower',
  'DCChargingPower',
  'RatedRange',
  'EstBatteryRange',
  CONNECTIVITY,
];

interface TrackStart {
  state: VehicleState;
  /** What subscribers have seen last. */
  present: Frame | undefined;
  /** All up to here is in the state. */
  entryId: string;
  windowMs: number;
}

export class FrameBuilder {
  readonly ring: FrameRing;
  readonly #sequence: FrameSequence;
  #state: VehicleState;
  #present: Frame | undefined;
  #knownUpTo: string | undefined;

  constructor({ state, present, entryId, windowMs }: TrackStart) {
    this.#state = state;
    this.#knownUpTo = entryId;
    this.#present = present;
    this.#sequence = new FrameSequence(present);
    this.ring = new FrameRing(windowMs);
    if (present) this.ring.push(present);
  }

  get state(): VehicleState {
    return this.#state;
  }

  /** undefined until a location is known. */
  get present(): Frame | undefined {
    return this.#present;
  }

  /** The next record of this vehicle, in the log's order. Returns the frame that it makes, if any. */
  record({ id, createdMs }: Pick<LogEntry, 'id' | 'createdMs'>, decoded: VehicleRecord['decoded']): Frame | undefined {
    // a checkpoint of another process may be ahead of what ours has read
    if (this.#knownUpTo !== undefined && !isAfter(id, this.#knownUpTo)) return undefined;
    this.#knownUpTo = undefined;
    const record = { entryId: id, timeMs: createdMs, decoded };
    mergeRecord(this.#state, record);
    const row = this.#sequence.next(this.#state, record);
    if (!row) return undefined;
    this.#present = createFrame(id, row);
    this.ring.push(this.#present);
    return this.#present;
  }

  /** Adds what is known from elsewhere, up to the same entry. */
  learn(state: VehicleState): void {
    this.#state = mergeStates(state, this.#state);
  }

  checkpoint(entryId: string): Checkpoint {
    return { entryId, text: checkpointText(this.#present, readingsToHash(this.#state, frameSignals)) };
  }
}

/** As the vehicle is after an entry, with nothing of what was before. */
export function trackFromState(state: VehicleState, entryId: string, windowMs: number): FrameBuilder {
  const newestMs = newestReadingMs(state);
  const row = newestMs === undefined ? undefined : toFrameRow(state, newestMs);
  return new FrameBuilder({ state, present: row && createFrame(entryId, row), entryId, windowMs });
}

export function trackFromCheckpoint(checkpoint: Checkpoint, windowMs: number): FrameBuilder {
  const { present, readings } = parseCheckpoint(checkpoint);
  return new FrameBuilder({ state: stateFromHash(readings).state, present, entryId: checkpoint.entryId, windowMs });
}

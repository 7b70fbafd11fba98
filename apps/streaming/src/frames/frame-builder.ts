// The frames of one vehicle from an entry of the log on: its state, the sequence of frames that follows from it, and the
// recent frames. Two processes that start at the same checkpoint make the same frames, so that a subscriber can move
// from one to the other.
import { isAfter } from '@fleetbridge/protocol';
import type { Checkpoint, LogEntry } from '@fleetbridge/store';
import {
  CONNECTIVITY,
  FrameSequence,
  mergeRecord,
  mergeStates,
  newestReadingMs,
  ODOMETER_MARKS,
  readingsToHash,
  stateFromHash,
  toFrameRow,
  type VehicleRecord,
  type VehicleState,
} from '@fleetbridge/vehicle-state';
import { checkpointText, parseCheckpoint } from './checkpoint.js';
import { createFrame, type Frame } from './frame.js';
import { FrameRing } from './frame-ring.js';

/** The signals of all columns, and whether the vehicle is connected. */
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
  ODOMETER_MARKS,
];

interface FrameBuilderOptions {
  state: VehicleState;
  /** The last frame that subscribers were sent. */
  present: Frame | undefined;
  /** The last entry that is merged into the state. */
  entryId: string;
  windowMs: number;
}

export class FrameBuilder {
  readonly ring: FrameRing;
  readonly #sequence: FrameSequence;
  #state: VehicleState;
  #present: Frame | undefined;
  #mergedUpTo: string | undefined;

  constructor({ state, present, entryId, windowMs }: FrameBuilderOptions) {
    this.#state = state;
    this.#mergedUpTo = entryId;
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

  /** Handles the next record of this vehicle in the log's order. Returns the frame that it makes, if any. */
  record({ id, createdMs }: Pick<LogEntry, 'id' | 'createdMs'>, decoded: VehicleRecord['decoded']): Frame | undefined {
    // the checkpoint of another process can be ahead of this process
    if (this.#mergedUpTo !== undefined && !isAfter(id, this.#mergedUpTo)) return undefined;
    this.#mergedUpTo = undefined;
    const record = { entryId: id, timeMs: createdMs, decoded };
    mergeRecord(this.#state, record);
    const row = this.#sequence.next(this.#state, record);
    if (!row) return undefined;
    this.#present = createFrame(id, row);
    this.ring.push(this.#present);
    return this.#present;
  }

  /** Merges a state that was read elsewhere, up to the same entry. */
  addState(state: VehicleState): void {
    this.#state = mergeStates(state, this.#state);
  }

  checkpoint(entryId: string): Checkpoint {
    return { entryId, text: checkpointText(this.#present, readingsToHash(this.#state, frameSignals)) };
  }
}

/** Starts with the state of the vehicle after an entry, without earlier frames. */
export function builderFromState(state: VehicleState, entryId: string, windowMs: number): FrameBuilder {
  const newestMs = newestReadingMs(state);
  const row = newestMs === undefined ? undefined : toFrameRow(state, newestMs);
  return new FrameBuilder({ state, present: row && createFrame(entryId, row), entryId, windowMs });
}

export function builderFromCheckpoint(checkpoint: Checkpoint, windowMs: number): FrameBuilder {
  const { present, readings } = parseCheckpoint(checkpoint);
  return new FrameBuilder({ state: stateFromHash(readings).state, present, entryId: checkpoint.entryId, windowMs });
}

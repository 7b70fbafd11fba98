// The battery level of frames, metrics and REST. Soc is the part of it that can be used now: several percent less in the
// cold. TeslaMate stores the level of a frame and that of REST in one column, and REST's is BatteryLevel.
import { signalNumber } from './corrected-value.js';
import type { VehicleState } from './state.js';

/** Percent. undefined = unknown. */
export function stateOfCharge(state: VehicleState): number | undefined {
  return signalNumber(state, 'BatteryLevel') ?? signalNumber(state, 'Soc');
}

// Faults of the envelope, by number, and what the signer does about each: docs/protocol/commands.md#faults.
import { MessageFault } from '../messages/index.js';

/**
 * `retry`: the subsystem is busy; sign again later. `out_of_step`: correct the session, sign again. `counter_used`: the
 * same, unless the message itself may have been received before. `expires_too_late`: sign with a shorter lifetime.
 * `received`: the answer did not fit; the command may have been executed.
 */
export type FaultRemedy =
  | 'retry'
  | 'out_of_step'
  | 'counter_used'
  | 'expires_too_late'
  | 'received'
  | 'not_paired'
  | 'final';

export interface Fault {
  number: number;
  /** As Tesla's proxy prints it. */
  name: string;
  remedy: FaultRemedy;
  /** What a person can do about it; empty if there is nothing. */
  advice: string;
}

export function faultOf(number: number): Fault {
  const name = MessageFault[number] ?? `unrecognized error code ${number}`;
  return { number, name, remedy: remedies.get(number) ?? 'final', advice: advices.get(number) ?? '' };
}

const remedies = new Map<number, FaultRemedy>([
  [1, 'retry'],
  [2, 'retry'],
  [11, 'retry'],
  [3, 'not_paired'],
  [5, 'out_of_step'],
  [15, 'out_of_step'],
  [17, 'out_of_step'],
  [6, 'counter_used'],
  [26, 'counter_used'],
  [20, 'expires_too_late'],
  [25, 'received'],
]);

const advices = new Map([
  [4, 'The key is disabled in the vehicle.'],
  [7, "The role of the key or the vehicle's state forbids this command."],
  [9, "The vehicle's firmware does not know this command."],
  [14, "The vehicle's list of keys is full."],
  [21, 'Mobile access is switched off in the vehicle: Controls > Safety > Allow Mobile Access.'],
  [22, 'Remote service access is switched off in the vehicle.'],
  [23, "The vehicle accepts this command only through Tesla's REST API."],
  [29, 'The vehicle accepts this command only from a key nearby.'],
]);

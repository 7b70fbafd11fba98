// What became of a command. Each outcome that a client must handle in its own way is a kind of its own.
import type { Fault } from '../answers/index.js';
import type { Refusal, RepeatClass } from '../commands/index.js';
import type { TransportResult } from './transport.js';

export type CommandOutcome =
  | { kind: 'done' }
  /** The vehicle decided not to execute it. `reason` has the prefix that clients search for. */
  | { kind: 'refused'; reason: string }
  | Refusal
  | { kind: 'unknown_command' }
  /** The body of the request is not an object. */
  | { kind: 'invalid_body' }
  /** Asleep or out of reach; not executed. */
  | { kind: 'unavailable' }
  | { kind: 'not_paired' }
  /** Not executed, and repeating doesn't help. */
  | { kind: 'fault'; fault: Fault }
  | { kind: 'failed'; text: string }
  /** Not executed within the limits of time and attempts. `fault`: the last one. */
  | { kind: 'gave_up'; fault?: Fault }
  /** It may have been executed, so that it must not be signed again. */
  | UnknownOutcome
  /** To be sent to the REST API with its body: the command, or the vehicle, is not for signed commands. */
  | { kind: 'needs_rest'; because: 'command' | 'vehicle' }
  /** Tesla's error, to be passed on; not executed. */
  | { kind: 'http_error'; status: number; body: string; retryAfter?: string }
  /** Tesla answered 200 without JSON; not executed. */
  | { kind: 'invalid_server_answer' }
  /** Tesla can't be reached; not executed. */
  | { kind: 'unreachable'; cause: string };

export interface UnknownOutcome {
  kind: 'unknown';
  cause: UnknownCause;
  /** The vehicle has received the message; it is likely that it has executed it. */
  isReceived: boolean;
  repeat: RepeatClass;
}

export type UnknownCause =
  | Exclude<TransportResult, { kind: 'not_sent' }>
  | { kind: 'wait' }
  | { kind: 'unparsable' }
  | { kind: 'unreadable' }
  | { kind: 'fault'; fault: Fault };

export interface CommandResult {
  outcome: CommandOutcome;
  /** Calls to Tesla, each of which is billed. */
  calls: { handshakes: number; commands: number };
  /** The vehicle has another key than in the session before: its computer was replaced. */
  isVehicleKeyReplaced: boolean;
}

// The HTTP answer of a command, and the outcome under which it is counted and audited.
import {
  type AnsweredOutcome,
  type CommandResponse,
  commandResponse,
  type StatusCodes,
} from '@fleetbridge/vehicle-command';
import type { UnusableAccount } from './upstream.js';

/** Outcomes of the gateway itself come before any call for the command. */
export type GatewayOutcome =
  | AnsweredOutcome
  | Extract<UnusableAccount, { kind: 'not_set_up' }>
  | { kind: 'queue_full' }
  /** The vehicle was busy with earlier commands until the time limit. */
  | { kind: 'turn_timed_out' }
  /** Redis does not answer; not executed. */
  | { kind: 'not_ready' }
  /** Unknown to the signer, but telemetry shows the effect. */
  | { kind: 'confirmed' };

export function commandAnswer(outcome: GatewayOutcome, codes: StatusCodes): CommandResponse {
  switch (outcome.kind) {
    case 'queue_full':
      return busy('too many commands wait for this vehicle', codes);
    case 'turn_timed_out':
      return busy('context deadline exceeded', codes);
    case 'not_ready':
      return plain(503, 'temporarily unavailable', 'Redis does not answer; the command was not executed', '1');
    case 'not_set_up':
      return plain(503, `commands are not set up: ${outcome.meaning}`, outcome.remedy);
    case 'confirmed':
      return {
        status: 200,
        body: JSON.stringify({ response: { result: true, reason: '', confirmed_by_telemetry: true } }),
        headers: { 'content-type': 'application/json' },
      };
    default:
      return commandResponse(outcome, codes);
  }
}

function busy(error: string, codes: StatusCodes): CommandResponse {
  const text = 'the vehicle is busy with earlier commands; this one was not executed';
  return codes === 'proxy' ? plain(503, error, '') : plain(503, error, text, '5');
}

function plain(status: number, error: string, description: string, retryAfter?: string): CommandResponse {
  return {
    status,
    body: JSON.stringify({ response: null, error, error_description: description }),
    headers: { 'content-type': 'application/json', ...(retryAfter && { 'retry-after': retryAfter }) },
  };
}

/** For metrics and the audit: what Tesla has answered, not only that it has. */
export function outcomeName(outcome: GatewayOutcome): string {
  if (outcome.kind !== 'http_error') return outcome.kind;
  return outcome.status === 200 ? 'forwarded' : `http_${outcome.status}`;
}

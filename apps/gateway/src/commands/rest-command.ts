// A command over Tesla's REST API, with the body of the client: for commands that only REST executes, and for vehicles
// without the protocol of signed commands.
import { type CommandOutcome, isOffline, type RepeatClass, type TransportResult } from '@fleetbridge/vehicle-command';
import type { Upstream } from './upstream.js';

export interface RestCommandRequest {
  vin: string;
  name: string;
  body: string;
  timeoutMs: number;
  /** What an answer advises whose outcome is unknown. */
  repeat: RepeatClass;
}

export type RestResult =
  | { kind: 'answered'; outcome: Exclude<CommandOutcome, { kind: 'needs_rest' }> }
  /** Not executed: the vehicle accepts signed commands only. */
  | { kind: 'needs_signature'; outcome: Exclude<CommandOutcome, { kind: 'needs_rest' }> };

export async function sendRestCommand(
  upstream: Pick<Upstream, 'plainCommand'>,
  { vin, name, body, timeoutMs, repeat }: RestCommandRequest,
): Promise<RestResult> {
  const result = await upstream.plainCommand(vin, name, body.trim() === '' ? '{}' : body, { timeoutMs });
  const outcome = outcomeOf(result, repeat);
  return { kind: isSignatureNeeded(result) ? 'needs_signature' : 'answered', outcome };
}

function outcomeOf(result: TransportResult, repeat: RepeatClass): RestResult['outcome'] {
  switch (result.kind) {
    case 'http':
      // Tesla's answer, success or not, is passed on as it is
      return isOffline(result.status, result.body) ? { kind: 'unavailable' } : { ...result, kind: 'http_error' };
    case 'not_sent':
      return { kind: 'unreachable', cause: result.cause };
    default:
      return { kind: 'unknown', cause: result, isReceived: false, repeat };
  }
}

function isSignatureNeeded(result: TransportResult): boolean {
  if (result.kind !== 'http') return false;
  const { status, body } = result;
  if (status === 403) return /Vehicle Command Protocol required/i.test(body);
  return status === 200 && /"unsigned_cmds_hardlocked"/.test(body);
}

// Begins a session: a handshake with the domain that the command needs, repeated while the answer is not usable. A
// handshake changes nothing in the vehicle.
import { faultOf } from '../answers/index.js';
import {
  areEqual,
  handshakeRequest,
  newAddressing,
  readHandshakeAnswer,
  type Session,
  sessionOf,
} from '../session/index.js';
import { type Attempt, keepSession, MAX_SESSION_INFO_AGE_MS, pause, RETRY_PAUSE_MS, send } from './attempt.js';
import type { CommandOutcome } from './outcome.js';
import { isOffline, messageInBody } from './transport.js';

/** Per command, all sessions together. */
const MAX_HANDSHAKES = 3;

export type Greeting = { kind: 'session'; session: Session } | { kind: 'outcome'; outcome: CommandOutcome };

export async function greet(attempt: Attempt): Promise<Greeting> {
  let lastFault: number | undefined;
  for (let pauseMs = 0; attempt.calls.handshakes < MAX_HANDSHAKES; pauseMs = RETRY_PAUSE_MS) {
    if (!(await pause(attempt, pauseMs))) break;
    const answer = await askOnce(attempt);
    if (answer.kind === 'session') await keep(attempt, answer.session);
    if (answer.kind !== 'repeat') return answer;
    lastFault = answer.fault;
  }
  return outcome({ kind: 'gave_up', ...(lastFault && { fault: faultOf(lastFault) }) });
}

async function askOnce(attempt: Attempt): Promise<Greeting | { kind: 'repeat'; fault?: number }> {
  const { parts, vin, domain } = attempt;
  const addressing = newAddressing(domain, parts.randomBytes);
  const sentMs = parts.clock.monotonicMs();
  const result = await send(attempt, 'handshakes', handshakeRequest(addressing, parts.key.publicKey));
  if (result.kind === 'not_sent') return outcome({ kind: 'unreachable', cause: result.cause });
  if (result.kind !== 'http') return { kind: 'repeat' };
  if (result.status !== 200) return httpError(result);
  const bytes = messageInBody(result.body);
  if (bytes === 'unreadable') return outcome({ kind: 'invalid_server_answer' });
  if (bytes === 'empty' || parts.clock.monotonicMs() - sentMs > MAX_SESSION_INFO_AGE_MS) return { kind: 'repeat' };
  const answer = readHandshakeAnswer({ ...addressing, vin, key: parts.key }, bytes);
  if (answer.kind === 'not_paired') return outcome(answer);
  if (answer.kind === 'verified') return { kind: 'session', session: sessionOf(answer.info, parts.clock.nowMs()) };
  if (answer.kind === 'discarded') return { kind: 'repeat' };
  const fault = faultOf(answer.fault);
  const isFinal = fault.remedy === 'final' || fault.remedy === 'received';
  return isFinal ? outcome({ kind: 'fault', fault }) : { kind: 'repeat', fault: fault.number };
}

function httpError(result: { status: number; body: string; retryAfter?: string }): Greeting | { kind: 'repeat' } {
  const { status, body } = result;
  if (status === 422) return outcome({ kind: 'needs_rest', because: 'vehicle' });
  if (isOffline(status, body) || status === 503) return outcome({ kind: 'unavailable' });
  if (status === 408) return { kind: 'repeat' };
  return outcome({ ...result, kind: 'http_error' });
}

function outcome(outcome: CommandOutcome): Greeting {
  return { kind: 'outcome', outcome };
}

async function keep(attempt: Attempt, session: Session): Promise<void> {
  const previous = attempt.session;
  if (previous !== undefined && !areEqual(previous.vehicleKey, session.vehicleKey)) attempt.isVehicleKeyReplaced = true;
  await keepSession(attempt, session);
}

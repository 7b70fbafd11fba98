// Sends one signed message, and the same bytes once more if it is unknown whether the vehicle has executed them. The
// vehicle accepts a counter once, so that the same bytes can't be executed twice.
import { type Answer, type Fault, readAnswer } from '../answers/index.js';
import { type Session, vehicleClock } from '../session/index.js';
import { type Attempt, MAX_SESSION_INFO_AGE_MS, pause, RETRY_PAUSE_MS, send, timeLeftMs } from './attempt.js';
import type { CommandOutcome, UnknownCause } from './outcome.js';
import { applySessionInfo } from './recover.js';
import type { SignedCommandMessage } from './sign.js';
import { isOffline, messageInBody, type TransportResult } from './transport.js';

export type Delivery = { kind: 'outcome'; outcome: CommandOutcome } | Rejection;

/** Not executed, unless the fault is a used counter, or an answer that is too large. */
export interface Rejection {
  kind: 'rejected';
  fault: Fault;
  sessionInfo: { encoded: Uint8Array; tag: Uint8Array } | undefined;
}

type Judgement = Delivery | { kind: 'open'; cause: UnknownCause };

export async function deliver(attempt: Attempt, session: Session, signed: SignedCommandMessage): Promise<Delivery> {
  const first = await sendOnce(attempt, signed);
  if (first.kind !== 'open') return first;
  if (!isWorthRepeating(first.cause) || !isTimeLeft(attempt, session, signed) || !(await pause(attempt))) {
    return unknown(attempt, first.cause);
  }
  const second = await sendOnce(attempt, signed);
  if (second.kind === 'open') return unknown(attempt, second.cause, first.cause.kind === 'wait');
  if (second.kind === 'rejected') {
    // Whatever the fault, the first copy may have been executed. A used counter proves that it arrived.
    await applySessionInfo(attempt, { session, signed, sessionInfo: second.sessionInfo });
    const isReceived = second.fault.remedy === 'counter_used' || first.cause.kind === 'wait';
    return unknown(attempt, { kind: 'fault', fault: second.fault }, isReceived);
  }
  return isAnswerOfVehicle(second.outcome) ? second : unknown(attempt, first.cause);
}

async function sendOnce(attempt: Attempt, signed: SignedCommandMessage): Promise<Judgement> {
  const { clock } = attempt.parts;
  const sentMs = clock.monotonicMs();
  const result = await send(attempt, 'commands', signed.bytes);
  const isLate = clock.monotonicMs() - sentMs > MAX_SESSION_INFO_AGE_MS;
  if (result.kind === 'not_sent') return outcome({ kind: 'unreachable', cause: result.cause });
  if (result.kind !== 'http') return { kind: 'open', cause: result };
  if (result.status !== 200) return httpError(result);
  const bytes = messageInBody(result.body);
  if (typeof bytes === 'string') return { kind: 'open', cause: { kind: 'unreadable' } };
  const { answer, sessionInfo } = readAnswer(signed.sent, bytes);
  if (answer.kind !== 'fault') return verdict(attempt, answer);
  return { kind: 'rejected', fault: answer.fault, sessionInfo: isLate ? undefined : sessionInfo };
}

function verdict(attempt: Attempt, answer: Exclude<Answer, { kind: 'fault' }>): Judgement {
  switch (answer.kind) {
    case 'done':
    case 'failed':
      return outcome(answer);
    case 'refused': {
      const { row, values } = attempt.command;
      return outcome(row.isDoneReason(values, answer.reason) ? { kind: 'done' } : answer);
    }
    default:
      return { kind: 'open', cause: { kind: answer.kind } };
  }
}

function httpError(result: Extract<TransportResult, { kind: 'http' }>): Judgement {
  const { status, body } = result;
  if (isOffline(status, body)) return outcome({ kind: 'unavailable' });
  if (status === 422) return outcome({ kind: 'needs_rest', because: 'vehicle' });
  if (status === 408 || status >= 500) return { kind: 'open', cause: result };
  return outcome({ ...result, kind: 'http_error' });
}

/** An authentic answer that can't be parsed is final: the vehicle would only report a used counter. */
function isWorthRepeating(cause: UnknownCause): boolean {
  return cause.kind !== 'unparsable';
}

function isTimeLeft(attempt: Attempt, session: Session, { expiresAt }: SignedCommandMessage): boolean {
  const repeatMs = attempt.parts.clock.nowMs() + RETRY_PAUSE_MS;
  return timeLeftMs(attempt) > RETRY_PAUSE_MS && vehicleClock(session, repeatMs) < expiresAt;
}

function isAnswerOfVehicle(outcome: CommandOutcome): boolean {
  return outcome.kind === 'done' || outcome.kind === 'refused' || outcome.kind === 'failed';
}

function unknown(attempt: Attempt, cause: UnknownCause, isKnownReceived = false): Delivery {
  const isReceived = isKnownReceived || cause.kind === 'wait' || cause.kind === 'unparsable';
  return outcome({ kind: 'unknown', cause, isReceived, repeat: attempt.command.row.repeat });
}

function outcome(outcome: CommandOutcome): { kind: 'outcome'; outcome: CommandOutcome } {
  return { kind: 'outcome', outcome };
}

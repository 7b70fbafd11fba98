// After a fault: brings the session back into step with the vehicle, by the session info that came with the fault, or by
// one fresh handshake per command.
import { readSessionInfo, type Session, updateSession } from '../session/index.js';
import { type Attempt, dropSession, keepSession } from './attempt.js';
import { type Greeting, greet } from './greet.js';
import type { SignedCommandMessage } from './sign.js';

export interface OutOfStep {
  session: Session;
  signed: SignedCommandMessage;
  sessionInfo: { encoded: Uint8Array; tag: Uint8Array } | undefined;
}

export type Recovered =
  /** `vehicleCounter`: the highest counter that the vehicle has accepted. */
  | { kind: 'recovered'; session: Session; vehicleCounter: number }
  /** Nothing could be learned. */
  | { kind: 'unchanged' }
  | Extract<Greeting, { kind: 'outcome' }>;

export async function recoverSession(attempt: Attempt, broken: OutOfStep & { mayGreet: boolean }): Promise<Recovered> {
  const corrected = await applySessionInfo(attempt, broken);
  if (corrected !== undefined) return corrected;
  if (!broken.mayGreet || !attempt.mayGreetAgain) return { kind: 'unchanged' };
  attempt.mayGreetAgain = false;
  await dropSession(attempt);
  const greeting = await greet(attempt);
  if (greeting.kind === 'outcome') return greeting;
  return { kind: 'recovered', session: greeting.session, vehicleCounter: greeting.session.counter };
}

/** Undefined if the session info is missing, not authentic, or older than what is known. */
export async function applySessionInfo(
  attempt: Attempt,
  { session, signed, sessionInfo }: OutOfStep,
): Promise<Extract<Recovered, { kind: 'recovered' }> | undefined> {
  if (sessionInfo === undefined) return undefined;
  const { parts, vin } = attempt;
  const request = { key: parts.key, vin, uuid: signed.sent.uuid };
  const reading = readSessionInfo(request, sessionInfo.encoded, sessionInfo.tag);
  if (reading.kind !== 'verified') return undefined;
  const used = { ...session, counter: Math.max(session.counter, signed.counter) };
  const update = updateSession(used, reading.info, parts.clock.nowMs());
  if (update.kind !== 'updated') return undefined;
  await keepSession(attempt, update.session);
  return { kind: 'recovered', session: update.session, vehicleCounter: reading.info.counter };
}

// After a fault: brings the session back into step with the vehicle, by the session info that came with the fault, or by
// one fresh handshake per command.
import { readSessionInfo, type Session, updateSession } from '../session/index.js';
import type { Attempt } from './attempt.js';
import { type Greeting, greet } from './greet.js';
import type { SignedCommandMessage } from './sign.js';

export interface Recovery {
  attempt: Attempt;
  session: Session;
  signed: SignedCommandMessage;
  sessionInfo: { encoded: Uint8Array; tag: Uint8Array } | undefined;
  /** A command makes one fresh handshake at most. */
  mayGreet: boolean;
}

export type Recovered =
  | { kind: 'updated'; session: Session; vehicleCounter: number }
  | { kind: 'greeted'; session: Session; vehicleCounter: number }
  /** Nothing could be learned. */
  | { kind: 'unchanged' }
  | Extract<Greeting, { kind: 'outcome' }>;

export async function recoverSession(recovery: Recovery): Promise<Recovered> {
  const reading = await applySessionInfo(recovery);
  if (reading !== undefined) return reading;
  const { attempt, session, mayGreet } = recovery;
  if (!mayGreet) return { kind: 'unchanged' };
  await attempt.parts.sessions.drop(attempt.vin, attempt.domain);
  const greeting = await greet(attempt, session);
  if (greeting.kind === 'outcome') return greeting;
  return { kind: 'greeted', session: greeting.session, vehicleCounter: greeting.session.counter };
}

/** Takes session info that came along, whatever the answer is. Undefined if it changes nothing. */
export async function applySessionInfo({
  attempt,
  session,
  signed,
  sessionInfo,
}: Omit<Recovery, 'mayGreet'>): Promise<Extract<Recovered, { kind: 'updated' }> | undefined> {
  if (sessionInfo === undefined) return undefined;
  const { parts, vin, domain } = attempt;
  const request = { key: parts.key, vin, uuid: signed.sent.uuid };
  const reading = readSessionInfo(request, sessionInfo.encoded, sessionInfo.tag);
  if (reading.kind !== 'verified') return undefined;
  const used = { ...session, counter: Math.max(session.counter, signed.counter) };
  const update = updateSession(used, reading.info, parts.clock.nowMs());
  if (update.kind !== 'updated') return undefined;
  await parts.sessions.save(vin, domain, update.session);
  return { kind: 'updated', session: update.session, vehicleCounter: reading.info.counter };
}

// The state of one command while it is executed: limits of time and calls, and the parts that are passed in.
import type { CommandKey } from '../authentication/index.js';
import type { PreparedCommand } from '../commands/index.js';
import type { Domain } from '../messages/index.js';
import type { Session, SessionStore } from '../session/index.js';
import type { Transport, TransportResult } from './transport.js';

export interface SignerParts {
  key: CommandKey;
  sessions: SessionStore;
  transport: Transport;
  clock: Clock;
  randomBytes(count: number): Uint8Array;
}

export interface Clock {
  /** Wall clock: the vehicle's clock is kept relative to it, so that other processes can continue a session. */
  nowMs(): number;
  /** For limits. */
  monotonicMs(): number;
  sleep(milliseconds: number): Promise<void>;
}

export interface Attempt {
  parts: SignerParts;
  vin: string;
  domain: Domain;
  command: PreparedCommand;
  /** Of the monotonic clock. */
  deadlineMs: number;
  calls: { handshakes: number; commands: number };
  /** As last known; a handshake or session info replaces it. */
  session: Session | undefined;
  /** A command makes one more handshake at most, after a fault that session info doesn't correct. */
  mayGreetAgain: boolean;
  lifetimeSeconds: number;
  isVehicleKeyReplaced: boolean;
}

/** Between two calls for the same command. */
export const RETRY_PAUSE_MS = 1000;

/** Session info that takes longer is not accepted: its clock would be wrong. */
export const MAX_SESSION_INFO_AGE_MS = 10_000;

export function timeLeftMs({ parts, deadlineMs }: Attempt): number {
  return Math.max(0, deadlineMs - parts.clock.monotonicMs());
}

/** Waits before a call is repeated; false if there is no time left for it. */
export async function pause(attempt: Attempt, milliseconds = RETRY_PAUSE_MS): Promise<boolean> {
  if (timeLeftMs(attempt) <= milliseconds) return false;
  if (milliseconds > 0) await attempt.parts.clock.sleep(milliseconds);
  return timeLeftMs(attempt) > 0;
}

export async function send(
  attempt: Attempt,
  kind: 'handshakes' | 'commands',
  message: Uint8Array,
): Promise<TransportResult> {
  attempt.calls[kind] += 1;
  try {
    return await attempt.parts.transport.send(attempt.vin, message, { timeoutMs: timeLeftMs(attempt) });
  } catch (error) {
    return { kind: 'broken', cause: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * A store that fails must not hide the outcome of a command that was sent. A session that is not saved costs a call of a
 * later command, which brings it into step again.
 */
export async function keepSession(attempt: Attempt, session: Session): Promise<void> {
  attempt.session = session;
  await attempt.parts.sessions.save(attempt.vin, attempt.domain, session).catch(() => undefined);
}

export async function dropSession({ parts, vin, domain }: Attempt): Promise<void> {
  await parts.sessions.drop(vin, domain).catch(() => undefined);
}

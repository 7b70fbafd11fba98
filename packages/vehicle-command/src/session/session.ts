// A session with one domain of a vehicle: its key, epoch, clock and counter. Learned in a handshake, corrected by the
// session info that vehicles add to faults. docs/protocol/commands.md#sessions
import { type CommandKey, isPublicKey, sessionInfoTag, sharedKeys, tagsEqual } from '../authentication/index.js';
import { SessionInfoStatus, sessionInfo } from '../messages/index.js';

export interface Session {
  /** 65 bytes. */
  vehicleKey: Uint8Array;
  /** 16 bytes; new after each restart of that computer. */
  epoch: Uint8Array;
  /** Highest counter that the vehicle or this side is known to have used. */
  counter: number;
  /** Epoch milliseconds at which the vehicle's clock was 0. */
  clockZeroMs: number;
  /** Clock of the vehicle in the last session info, in seconds. */
  clockTime: number;
}

/** Session info whose tag was verified. */
export interface VerifiedSessionInfo {
  vehicleKey: Uint8Array;
  epoch: Uint8Array;
  counter: number;
  clockTime: number;
}

export type SessionInfoReading =
  | { kind: 'verified'; info: VerifiedSessionInfo }
  | { kind: 'not_paired' }
  | { kind: 'invalid'; why: 'encoding' | 'public_key' | 'tag' };

export interface SessionInfoRequest {
  key: CommandKey;
  vin: string;
  /** The uuid that this side has sent, not the one in the answer. */
  uuid: Uint8Array;
}

/** Reads session info that answers a request. A verified tag proves only that the sender owns the key inside. */
export function readSessionInfo(request: SessionInfoRequest, encoded: Uint8Array, tag: Uint8Array): SessionInfoReading {
  const info = sessionInfo.decode(encoded);
  if (info === undefined) return { kind: 'invalid', why: 'encoding' };
  if (info.status === SessionInfoStatus.SESSION_INFO_STATUS_KEY_NOT_ON_WHITELIST) return { kind: 'not_paired' };
  const vehicleKey = info.publicKey ?? new Uint8Array();
  if (!isPublicKey(vehicleKey)) return { kind: 'invalid', why: 'public_key' };
  const keys = sharedKeys(request.key, vehicleKey)!;
  const expected = sessionInfoTag(keys, { vin: request.vin, challenge: request.uuid }, encoded);
  if (!tagsEqual(expected, tag)) return { kind: 'invalid', why: 'tag' };
  const epoch = info.epoch ?? new Uint8Array();
  if (epoch.length !== 16) return { kind: 'invalid', why: 'encoding' };
  return { kind: 'verified', info: { vehicleKey, epoch, counter: info.counter ?? 0, clockTime: info.clockTime ?? 0 } };
}

export function sessionOf(info: VerifiedSessionInfo, arrivedMs: number): Session {
  return { ...info, clockZeroMs: arrivedMs - info.clockTime * 1000 };
}

export type SessionUpdate =
  | { kind: 'updated'; session: Session }
  /** Authentic, but older than what is known: nothing changes. */
  | { kind: 'stale' }
  /** Another key: the computer was replaced. Only a fresh handshake may replace the session. */
  | { kind: 'replaced' };

/** Corrects a session by verified session info. The higher counter is kept, also after a new epoch. */
export function updateSession(session: Session, info: VerifiedSessionInfo, arrivedMs: number): SessionUpdate {
  if (!areEqual(session.vehicleKey, info.vehicleKey)) return { kind: 'replaced' };
  if (areEqual(session.epoch, info.epoch) && info.clockTime < session.clockTime) return { kind: 'stale' };
  const counter = Math.max(session.counter, info.counter);
  return { kind: 'updated', session: { ...sessionOf(info, arrivedMs), counter } };
}

/** Seconds of the vehicle's clock. Latency makes it late, so that commands expire early, not late. */
export function vehicleClock(session: Session, nowMs: number): number {
  return Math.max(0, Math.floor((nowMs - session.clockZeroMs) / 1000));
}

export function areEqual(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}

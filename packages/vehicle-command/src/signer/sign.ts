// Signs one command with a session: HMAC, because Tesla's server must read the command to check scopes.

import type { SentCommand } from '../answers/index.js';
import type { CommandKey } from '../authentication/index.js';
import { commandTag, SignatureMethod, sharedKeys } from '../authentication/index.js';
import { ENCRYPT_RESPONSE, routableMessage } from '../messages/index.js';
import { type Addressing, type Session, vehicleClock } from '../session/index.js';

/** The vehicle's clock has 32 bits; what is later than this is never accepted. */
const LATEST_EXPIRY = 2 ** 30;

export interface SignedCommandMessage {
  bytes: Uint8Array;
  counter: number;
  /** Seconds of the vehicle's clock. */
  expiresAt: number;
  sent: SentCommand;
}

export interface SigningRequest {
  key: CommandKey;
  vin: string;
  session: Session;
  addressing: Addressing;
  counter: number;
  payload: Uint8Array;
  lifetimeSeconds: number;
  nowMs: number;
}

/** Throws if the session has an invalid key; sessions are made from verified session info only. */
export function signCommand(request: SigningRequest): SignedCommandMessage {
  const { key, vin, session, addressing, counter, payload } = request;
  const keys = sharedKeys(key, session.vehicleKey);
  if (keys === undefined) throw new Error('the session has an invalid vehicle key');
  const expiresAt = Math.min(vehicleClock(session, request.nowMs) + request.lifetimeSeconds, LATEST_EXPIRY);
  const method = SignatureMethod.HMAC_PERSONALIZED;
  const { domain } = addressing;
  const facts = { method, domain, vin, epoch: session.epoch, expiresAt, counter, flags: ENCRYPT_RESPONSE };
  const tag = commandTag(keys, facts, payload);
  const bytes = routableMessage.encode({
    toDestination: { domain },
    fromDestination: { routingAddress: addressing.routingAddress },
    protobufMessageAsBytes: payload,
    signatureData: {
      signerIdentity: { publicKey: key.publicKey },
      HMAC_PersonalizedData: { epoch: session.epoch, counter, expiresAt, tag },
    },
    uuid: addressing.uuid,
    flags: ENCRYPT_RESPONSE,
  });
  return { bytes, counter, expiresAt, sent: { ...addressing, vin, keys, method, tag, answerCounters: new Set() } };
}

// Tags and encryption of session info, commands and answers, for both sides: the signer, and the vehicle of tests.
import { createCipheriv, createDecipheriv, createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { Domain } from '../messages/index.js';
import type { SharedKeys } from './keys.js';
import {
  type AnswerFacts,
  answerMetadata,
  type CommandFacts,
  type CommandMethod,
  commandMetadata,
  type SessionInfoFacts,
  sessionInfoMetadata,
} from './metadata.js';

export interface Sealed {
  ciphertext: Uint8Array;
  /** 16 bytes. */
  tag: Uint8Array;
}

/** 32 bytes over the received bytes of the session info, not over an encoding of what was decoded. */
export function sessionInfoTag(keys: SharedKeys, facts: SessionInfoFacts, encoded: Uint8Array): Buffer {
  return createHmac('sha256', keys.sessionInfo).update(sessionInfoMetadata(facts)).update(encoded).digest();
}

/** 32 bytes; the payload travels in clear. */
export function commandTag(keys: SharedKeys, facts: CommandFacts, payload: Uint8Array): Buffer {
  return createHmac('sha256', keys.command).update(commandMetadata(facts)).update(payload).digest();
}

export function encryptCommand(keys: SharedKeys, facts: CommandFacts, nonce: Uint8Array, payload: Uint8Array): Sealed {
  return seal(keys, commandMetadata(facts), nonce, payload);
}

/** Undefined if the tag doesn't match. */
export function decryptCommand(
  keys: SharedKeys,
  facts: CommandFacts,
  nonce: Uint8Array,
  sealed: Sealed,
): Buffer | undefined {
  return open(keys, commandMetadata(facts), nonce, sealed);
}

export function encryptAnswer(keys: SharedKeys, facts: AnswerFacts, nonce: Uint8Array, payload: Uint8Array): Sealed {
  return seal(keys, answerMetadata(facts), nonce, payload);
}

/** Undefined if the answer is not authentic: its domain, flags and fault are authenticated too. */
export function decryptAnswer(
  keys: SharedKeys,
  facts: AnswerFacts,
  nonce: Uint8Array,
  sealed: Sealed,
): Buffer | undefined {
  return open(keys, answerMetadata(facts), nonce, sealed);
}

/** Binds an answer to its request: method and tag of the request. VCSEC keeps the first 16 bytes of a tag. */
export function requestHash(domain: Domain, method: CommandMethod, tag: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(method), domain === Domain.VEHICLE_SECURITY ? tag.subarray(0, 16) : tag]);
}

/** Compares in constant time. */
export function tagsEqual(expected: Uint8Array, actual: Uint8Array): boolean {
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

function seal(keys: SharedKeys, metadata: Uint8Array, nonce: Uint8Array, payload: Uint8Array): Sealed {
  const cipher = createCipheriv('aes-128-gcm', keys.encryption, nonce).setAAD(sha256(metadata));
  const ciphertext = Buffer.concat([cipher.update(payload), cipher.final()]);
  return { ciphertext, tag: cipher.getAuthTag() };
}

function open(keys: SharedKeys, metadata: Uint8Array, nonce: Uint8Array, sealed: Sealed): Buffer | undefined {
  if (nonce.length !== 12 || sealed.tag.length !== 16) return undefined;
  const decipher = createDecipheriv('aes-128-gcm', keys.encryption, nonce, { authTagLength: 16 });
  decipher.setAAD(sha256(metadata)).setAuthTag(sealed.tag);
  try {
    return Buffer.concat([decipher.update(sealed.ciphertext), decipher.final()]);
  } catch {
    return undefined;
  }
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

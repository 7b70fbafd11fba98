// Schnorr's signature over P-256 with SHA-256, as vehicles verify it. Points are multiplied by OpenSSL, whose time does not
// depend on the secret; deterministic, so that the same input has the same signature.
import { createECDH, createHash } from 'node:crypto';
import { deterministicNonce } from './nonce.js';
import { modulo, scalarBytes, toInteger } from './scalars.js';

/** The application key: it signs telemetry configurations and commands. */
export interface ApplicationKey {
  /** 65 bytes: 04, x, y. */
  publicKey: Uint8Array;
  /** 32 bytes, big-endian. */
  privateScalar: Uint8Array;
}

/** 96 bytes: x and y of the nonce's point, and the response. */
export function signSchnorr(message: Uint8Array, { publicKey, privateScalar }: ApplicationKey): Buffer {
  const nonce = deterministicNonce({ privateScalar, digest: createHash('sha256').update(message).digest() });
  const noncePoint = pointOf(nonce);
  const challenge = challengeOf([pointOf(scalarBytes(1n)), noncePoint, publicKey, message]);
  const response = modulo(toInteger(nonce) - challenge * toInteger(privateScalar));
  return Buffer.concat([noncePoint.subarray(1), scalarBytes(response)]);
}

/** Of the generator, the nonce's point, the public key and the message, each preceded by its length. */
function challengeOf(parts: readonly Uint8Array[]): bigint {
  const hash = createHash('sha256');
  for (const part of parts) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(part.length);
    hash.update(length).update(part);
  }
  return modulo(toInteger(hash.digest()));
}

/** The multiple of the generator, uncompressed. */
function pointOf(scalar: Uint8Array): Buffer {
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(scalar);
  return ecdh.getPublicKey();
}

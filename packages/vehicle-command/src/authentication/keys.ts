// P-256 key pairs, and the symmetric keys that one pair shares with the public key of the other side.
import { createECDH, createHash, createHmac, createPrivateKey, ECDH } from 'node:crypto';

/** The key that signs commands. The private part is only used inside this file. */
export interface CommandKey {
  /** 65 bytes: 04, x, y. */
  publicKey: Uint8Array;
  /** 32 bytes. */
  privateScalar: Uint8Array;
}

/** What both sides derive from their key pairs. It never changes as long as the key pairs don't. */
export interface SharedKeys {
  /** AES-128 key of encrypted answers. */
  encryption: Uint8Array;
  /** HMAC key of session info. */
  sessionInfo: Uint8Array;
  /** HMAC key of commands. */
  command: Uint8Array;
}

const CURVE = 'prime256v1';

/** A point of P-256 in the uncompressed form. Node also accepts compressed points, so the form is checked here. */
export function isPublicKey(bytes: Uint8Array): boolean {
  if (bytes.length !== 65 || bytes[0] !== 4) return false;
  try {
    ECDH.convertKey(bytes, CURVE);
    return true;
  } catch {
    return false; // not on the curve, or a coordinate is not below the field prime
  }
}

/** Undefined if the public key of the other side is not a valid point. */
export function sharedKeys(own: CommandKey, otherPublicKey: Uint8Array): SharedKeys | undefined {
  if (!isPublicKey(otherPublicKey)) return undefined;
  const ecdh = createECDH(CURVE);
  ecdh.setPrivateKey(own.privateScalar);
  const encryption = createHash('sha1').update(ecdh.computeSecret(otherPublicKey)).digest().subarray(0, 16);
  return {
    encryption,
    sessionInfo: createHmac('sha256', encryption).update('session info').digest(),
    command: createHmac('sha256', encryption).update('authenticated command').digest(),
  };
}

/** Throws if the scalar is not that of a P-256 key. */
export function commandKeyFromScalar(privateScalar: Uint8Array): CommandKey {
  const ecdh = createECDH(CURVE);
  ecdh.setPrivateKey(privateScalar);
  return { publicKey: ecdh.getPublicKey(), privateScalar: Buffer.from(privateScalar) };
}

/**
 * Reads `EC PRIVATE KEY` or PKCS#8 without a password. A file may begin with another block: openssl writes
 * `EC PARAMETERS` first. The Error that it throws never contains the key.
 */
export function commandKeyFromPem(pem: string): CommandKey {
  const block = /-----BEGIN ((?:EC )?PRIVATE KEY)-----[\s\S]*?-----END \1-----/.exec(pem)?.[0];
  if (block === undefined) throw new Error('expected a PEM file with an unencrypted private key (P-256)');
  const scalar = p256Scalar(block);
  if (scalar === undefined) throw new Error('expected a P-256 (prime256v1) private key');
  return commandKeyFromScalar(scalar);
}

function p256Scalar(block: string): Uint8Array | undefined {
  try {
    const { kty, crv, d } = createPrivateKey(block).export({ format: 'jwk' });
    return kty === 'EC' && crv === 'P-256' && typeof d === 'string' ? Buffer.from(d, 'base64url') : undefined;
  } catch {
    return undefined;
  }
}

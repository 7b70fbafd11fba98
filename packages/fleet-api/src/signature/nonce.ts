// The nonce of RFC 6979, section 3.2, for P-256 and SHA-256: a function of the key and the message, so that no nonce is
// ever used for two messages, which would reveal the key.
import { createHmac } from 'node:crypto';
import { GROUP_ORDER, modulo, scalarBytes, toInteger } from './scalars.js';

/** 32 bytes between 1 and the order of the group, exclusive. Both parameters are 32 bytes. */
export function deterministicNonce({
  privateScalar,
  digest,
}: {
  privateScalar: Uint8Array;
  digest: Uint8Array;
}): Buffer {
  const seed = Buffer.concat([privateScalar, scalarBytes(modulo(toInteger(digest)))]);
  let key: Buffer = Buffer.alloc(32, 0);
  let value: Buffer = Buffer.alloc(32, 1);
  for (const step of [0, 1]) {
    key = hmac(key, value, Buffer.of(step), seed);
    value = hmac(key, value);
  }
  for (;;) {
    value = hmac(key, value);
    const candidate = toInteger(value);
    if (candidate > 0n && candidate < GROUP_ORDER) return value;
    key = hmac(key, value, Buffer.of(0));
    value = hmac(key, value);
  }
}

function hmac(key: Buffer, ...parts: Buffer[]): Buffer {
  const mac = createHmac('sha256', key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

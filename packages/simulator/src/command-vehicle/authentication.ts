// Keys, metadata, tags and encryption as a vehicle computes them. Written apart from @fleetbridge/vehicle-command, so
// that a mistake in the signer is not repeated here.
import {
  createCipheriv,
  createDecipheriv,
  createECDH,
  createHash,
  createHmac,
  createPublicKey,
  type ECDH,
  timingSafeEqual,
} from 'node:crypto';

/** First metadata value of each kind of message. */
export const method = { gcm: 5, sessionInfo: 6, hmac: 8, answer: 9 } as const;

const tag = {
  method: 0,
  domain: 1,
  vin: 2,
  epoch: 3,
  expiresAt: 4,
  counter: 5,
  challenge: 6,
  flags: 7,
  request: 8,
  fault: 9,
};

export interface VehicleKey {
  /** 65 bytes, uncompressed. */
  publicKey: Buffer;
  /** 16 bytes shared with a client, from which all other keys follow. Undefined if `clientKey` is not on the curve. */
  sharedKey(clientKey: Uint8Array): Buffer | undefined;
}

export function vehicleKeyOf(scalar: Uint8Array): VehicleKey {
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(scalar);
  return { publicKey: ecdh.getPublicKey(), sharedKey: (clientKey) => sharedKey(ecdh, clientKey) };
}

function sharedKey(own: ECDH, clientKey: Uint8Array): Buffer | undefined {
  if (!isOnCurve(clientKey)) return undefined;
  const x = own.computeSecret(clientKey);
  const padded = Buffer.concat([Buffer.alloc(32 - x.length), x]);
  return createHash('sha1').update(padded).digest().subarray(0, 16);
}

function isOnCurve(point: Uint8Array): boolean {
  if (point.length !== 65 || point[0] !== 4) return false;
  const coordinate = (from: number) => Buffer.from(point.subarray(from, from + 32)).toString('base64url');
  try {
    createPublicKey({ key: { kty: 'EC', crv: 'P-256', x: coordinate(1), y: coordinate(33) }, format: 'jwk' });
    return true;
  } catch {
    return false;
  }
}

export interface SignedFacts {
  method: typeof method.gcm | typeof method.hmac;
  domain: number;
  vin: string;
  epoch: Uint8Array;
  expiresAt: number;
  counter: number;
  flags: number;
}

export function signedMetadata(facts: SignedFacts): Buffer {
  return metadata([
    [tag.method, byte(facts.method)],
    [tag.domain, byte(facts.domain)],
    [tag.vin, Buffer.from(facts.vin)],
    [tag.epoch, facts.epoch],
    [tag.expiresAt, number(facts.expiresAt)],
    [tag.counter, number(facts.counter)],
    ...(facts.flags === 0 ? [] : [[tag.flags, number(facts.flags)] as Item]),
  ]);
}

export interface AnswerFacts {
  domain: number;
  vin: string;
  counter: number;
  flags: number;
  requestHash: Uint8Array;
  fault: number;
}

export function answerMetadata(facts: AnswerFacts): Buffer {
  return metadata([
    [tag.method, byte(method.answer)],
    [tag.domain, byte(facts.domain)],
    [tag.vin, Buffer.from(facts.vin)],
    [tag.counter, number(facts.counter)],
    [tag.flags, number(facts.flags)],
    [tag.request, facts.requestHash],
    [tag.fault, number(facts.fault)],
  ]);
}

/** 32 bytes over the encoded session info. */
export function sessionInfoTag(
  shared: Uint8Array,
  facts: { vin: string; challenge: Uint8Array },
  info: Uint8Array,
): Buffer {
  const named = metadata([
    [tag.method, byte(method.sessionInfo)],
    [tag.vin, Buffer.from(facts.vin)],
    [tag.challenge, facts.challenge],
  ]);
  return hmac(hmac(shared, Buffer.from('session info')), named, info);
}

/** 32 bytes over a payload in clear. */
export function hmacTag(shared: Uint8Array, facts: SignedFacts, payload: Uint8Array): Buffer {
  return hmac(hmac(shared, Buffer.from('authenticated command')), signedMetadata(facts), payload);
}

/** Undefined if the tag is wrong. */
export function decrypt(
  shared: Uint8Array,
  additional: Buffer,
  sealed: { nonce: Uint8Array; ciphertext: Uint8Array; tag: Uint8Array },
): Buffer | undefined {
  if (sealed.nonce.length !== 12 || sealed.tag.length !== 16) return undefined;
  const decipher = createDecipheriv('aes-128-gcm', shared, sealed.nonce, { authTagLength: 16 });
  decipher.setAAD(sha256(additional)).setAuthTag(sealed.tag);
  const text = decipher.update(sealed.ciphertext);
  try {
    decipher.final();
    return text;
  } catch {
    return undefined;
  }
}

export function encrypt(shared: Uint8Array, additional: Buffer, nonce: Uint8Array, payload: Uint8Array) {
  const cipher = createCipheriv('aes-128-gcm', shared, nonce).setAAD(sha256(additional));
  const ciphertext = Buffer.concat([cipher.update(payload), cipher.final()]);
  return { ciphertext, tag: cipher.getAuthTag() };
}

export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}

type Item = [tag: number, value: Uint8Array];

function metadata(items: Item[]): Buffer {
  return Buffer.concat([...items.flatMap(([name, value]) => [Buffer.of(name, value.length), value]), byte(0xff)]);
}

function byte(value: number): Buffer {
  return Buffer.of(value);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function hmac(key: Uint8Array, ...parts: Uint8Array[]): Buffer {
  const digest = createHmac('sha256', key);
  for (const part of parts) digest.update(part);
  return digest.digest();
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

// Exact bytes of recorded signatures, and the equation r·G + c·P = K with points of another library.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { p256 } from '@noble/curves/nist.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ApplicationKey, signConfiguration, signSchnorr } from './index.js';

interface Vectors {
  signature: { private_key_scalar_hex: string; message_utf8: string; signature_hex: string };
  token: { public_key_uncompressed_hex: string; token: string };
  configurations: {
    private_key_scalar_hex: string;
    public_key_uncompressed_hex: string;
    claims: Record<string, unknown>;
    signing_input: string;
    signature_hex: string;
    token: string;
  }[];
}

const vectors: Vectors = JSON.parse(readFileSync(new URL('signature-vectors.json', import.meta.url), 'utf8'));
const { Point } = p256;
const order = Point.Fn.ORDER;

function keyOf(scalarHex: string): ApplicationKey {
  const privateScalar = Buffer.from(scalarHex, 'hex');
  return { privateScalar, publicKey: p256.getPublicKey(privateScalar, false) };
}

function verifies(message: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean {
  const noncePoint = Buffer.concat([Buffer.of(4), signature.subarray(0, 64)]);
  const response = BigInt(`0x${Buffer.from(signature.subarray(64)).toString('hex')}`);
  const hash = createHash('sha256');
  for (const part of [Point.BASE.toBytes(false), noncePoint, publicKey, message]) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(part.length);
    hash.update(length).update(part);
  }
  const challenge = BigInt(`0x${hash.digest('hex')}`) % order;
  const sum = Point.BASE.multiply(response).add(Point.fromBytes(publicKey).multiply(challenge));
  return sum.equals(Point.fromBytes(noncePoint));
}

describe('the signature', () => {
  it('has the bytes of the recorded one', () => {
    const { private_key_scalar_hex, message_utf8, signature_hex } = vectors.signature;
    const signature = signSchnorr(Buffer.from(message_utf8), keyOf(private_key_scalar_hex));
    expect(signature.toString('hex')).toBe(signature_hex);
  });

  it('verifies for any message and key, and for no other message', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (message) => {
        const key = keyOf(Buffer.from(p256.utils.randomSecretKey()).toString('hex'));
        const signature = signSchnorr(message, key);
        expect(signature).toHaveLength(96);
        expect(signSchnorr(message, key)).toEqual(signature);
        expect(verifies(message, signature, key.publicKey)).toBe(true);
        expect(verifies(Buffer.concat([message, Buffer.of(0)]), signature, key.publicKey)).toBe(false);
      }),
      { numRuns: 10 },
    );
  });

  it('is checked here as a vehicle does: a recorded token of another program verifies', () => {
    const { public_key_uncompressed_hex, token } = vectors.token;
    const [header, claims, signature] = token.split('.');
    const publicKey = Buffer.from(public_key_uncompressed_hex, 'hex');
    const input = Buffer.from(`${header}.${claims}`);
    expect(verifies(input, Buffer.from(signature!, 'base64url'), publicKey)).toBe(true);
  });
});

describe('the token of a configuration', () => {
  it.for(vectors.configurations)(
    'has the bytes of the recorded one ($claims.hostname, port $claims.port)',
    (vector) => {
      const key = keyOf(vector.private_key_scalar_hex);
      expect(Buffer.from(key.publicKey).toString('hex')).toBe(vector.public_key_uncompressed_hex);
      const signature = signSchnorr(Buffer.from(vector.signing_input), key);
      expect(signature.toString('hex')).toBe(vector.signature_hex);
      expect(signConfiguration(vector.claims, { key })).toBe(vector.token);
    },
  );

  it('does not depend on the order of keys, and names the vehicle where it is for one', () => {
    const key = keyOf(vectors.configurations[0]!.private_key_scalar_hex);
    const [token, other] = [
      { hostname: 'a', port: 1, fields: { Soc: { interval_seconds: 1 }, Gear: { interval_seconds: 2 } } },
      { fields: { Gear: { interval_seconds: 2 }, Soc: { interval_seconds: 1 } }, port: 1, hostname: 'a' },
    ].map((claims) => signConfiguration(claims, { key }));
    expect(other).toBe(token);
    const claims = (text: string) => JSON.parse(Buffer.from(text.split('.')[1]!, 'base64url').toString());
    expect(claims(token!).aud).toBe('com.tesla.fleet.TelemetryClient');
    const ofVehicle = signConfiguration({ aud: 'x' }, { key, vin: '5YJ3E1EA7KF000001' });
    expect(claims(ofVehicle).aud).toBe('com.tesla.vehicle.5YJ3E1EA7KF000001.TelemetryClient');
  });
});

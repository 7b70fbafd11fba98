import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  answerMetadata,
  type CommandFacts,
  commandKeyFromPem,
  commandKeyFromScalar,
  commandMetadata,
  commandTag,
  decryptAnswer,
  decryptCommand,
  encryptAnswer,
  encryptCommand,
  isPublicKey,
  requestHash,
  SignatureMethod,
  sessionInfoMetadata,
  sessionInfoTag,
  sharedKeys,
  tagsEqual,
} from '../src/index.js';
import { hex, type SignedCommandVector, vectors } from './vectors.js';

describe('keys', () => {
  it.each(vectors.keys)('both sides derive the same keys: $shared_key', (vector) => {
    const client = commandKeyFromScalar(hex(vector.client_private_scalar));
    const vehicle = commandKeyFromScalar(hex(vector.vehicle_private_scalar));
    expect(Buffer.from(client.publicKey).toString('hex')).toBe(vector.client_public);
    expect(Buffer.from(vehicle.publicKey).toString('hex')).toBe(vector.vehicle_public);
    const expected = {
      encryption: hex(vector.shared_key),
      sessionInfo: hex(vector.session_info_key),
      command: hex(vector.command_key),
    };
    expect(sharedKeys(client, vehicle.publicKey)).toEqual(expected);
    expect(sharedKeys(vehicle, client.publicKey)).toEqual(expected);
  });

  it.each(vectors.invalidPublicKeys)('rejects a public key: $note', ({ publicKey }) => {
    const client = commandKeyFromScalar(hex(vectors.keys[0]!.client_private_scalar));
    expect([isPublicKey(hex(publicKey)), sharedKeys(client, hex(publicKey))]).toEqual([false, undefined]);
  });

  it('reads EC PRIVATE KEY, PKCS#8, and a file that begins with EC PARAMETERS', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    // parsed again; the reason is in packages/pki/src/certificate/certificate.ts
    const spki = String(publicKey.export({ format: 'pem', type: 'spki' }));
    const { x, y } = createPublicKey(spki).export({ format: 'jwk' });
    const point = Buffer.concat([Buffer.of(4), Buffer.from(x!, 'base64url'), Buffer.from(y!, 'base64url')]);
    const sec1 = privateKey.export({ format: 'pem', type: 'sec1' });
    const pkcs8 = privateKey.export({ format: 'pem', type: 'pkcs8' });
    const parameters = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';
    for (const pem of [sec1, pkcs8, parameters + sec1]) {
      expect(Buffer.from(commandKeyFromPem(String(pem)).publicKey)).toEqual(point);
    }
  });

  it('rejects a key of another curve, a public key and text, without repeating the content', () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'secp384r1' });
    const p384 = String(other.privateKey.export({ format: 'pem', type: 'pkcs8' }));
    expect(() => commandKeyFromPem(p384)).toThrow('expected a P-256 (prime256v1) private key');
    expect(createPrivateKey(p384).asymmetricKeyType).toBe('ec');
    const spki = String(other.publicKey.export({ format: 'pem', type: 'spki' }));
    for (const pem of [spki, '', 'secret words']) {
      expect(() => commandKeyFromPem(pem)).toThrow('expected a PEM file with an unencrypted private key (P-256)');
    }
  });
});

describe('session info', () => {
  it.each(vectors.sessionInfo)('$note', (vector) => {
    const client = commandKeyFromScalar(hex(vector.client_private_scalar));
    const keys = sharedKeys(client, hex(vectors.keys[0]!.vehicle_public))!;
    const facts = { vin: vector.vin, challenge: hex(vector.request_uuid) };
    expect(sessionInfoMetadata(facts).toString('hex')).toBe(vector.metadata);
    const isKeyInvalid = vector.error.includes('BAD_PARAMETER') || vector.error.includes('DECODING');
    if (isKeyInvalid) return; // rejected before the tag is checked: handshake.test.ts
    const tag = sessionInfoTag(keys, facts, hex(vector.session_info));
    const isAuthentic = vector.valid || vector.note.includes('authentic');
    expect(tagsEqual(tag, hex(vector.tag))).toBe(isAuthentic);
  });
});

describe('commands', () => {
  it.each(vectors.commandsSigned)('$method: $note', (vector) => {
    const { keys, facts } = commandOf(vector);
    expect(commandMetadata(facts).toString('hex')).toBe(vector.metadata);
    const payload = hex(vector.plaintext);
    if (vector.method === 'hmac') {
      expect(commandTag(keys, facts, payload).toString('hex')).toBe(vector.tag);
    } else {
      const sealed = encryptCommand(keys, facts, hex(vector.nonce!), payload);
      expect(sealed).toEqual({ ciphertext: hex(vector.ciphertext!), tag: hex(vector.tag) });
      expect(decryptCommand(keys, facts, hex(vector.nonce!), sealed)).toEqual(payload);
      expect(
        decryptCommand(keys, { ...facts, counter: facts.counter - 1 }, hex(vector.nonce!), sealed),
      ).toBeUndefined();
    }
    expect(requestHash(vector.domain, facts.method, hex(vector.tag)).toString('hex')).toBe(vector.request_hash);
  });
});

describe('answers', () => {
  it.each(vectors.answers)('of command $of_command: $note', (vector) => {
    const command = vectors.commandsSigned[vector.of_command]!;
    const { keys, facts: request } = commandOf(command);
    const facts = {
      domain: vector.domain,
      vin: command.vin,
      counter: vector.counter,
      flags: vector.flags,
      requestHash: hex(command.request_hash),
      fault: vector.fault,
    };
    expect(answerMetadata(facts).toString('hex')).toBe(vector.metadata);
    const sealed = { ciphertext: hex(vector.ciphertext), tag: hex(vector.tag) };
    expect(encryptAnswer(keys, facts, hex(vector.nonce), hex(vector.plaintext))).toEqual(sealed);
    expect(decryptAnswer(keys, facts, hex(vector.nonce), sealed)).toEqual(hex(vector.plaintext));
    const changed = { ...facts, fault: vector.fault + 1 };
    expect(decryptAnswer(keys, changed, hex(vector.nonce), sealed)).toBeUndefined();
    expect(decryptAnswer(keys, facts, hex(vector.nonce), { ...sealed, tag: hex('00') })).toBeUndefined();
    expect(request.vin).toBe(command.vin);
  });
});

function commandOf(vector: SignedCommandVector) {
  const client = commandKeyFromScalar(hex(vector.client_private_scalar));
  const vehicle = commandKeyFromScalar(hex(vector.vehicle_private_scalar));
  const method = vector.method === 'hmac' ? SignatureMethod.HMAC_PERSONALIZED : SignatureMethod.AES_GCM_PERSONALIZED;
  const facts: CommandFacts = {
    method,
    domain: vector.domain,
    vin: vector.vin,
    epoch: hex(vector.epoch),
    expiresAt: vector.expires_at,
    counter: vector.counter,
    flags: vector.flags,
  };
  return { keys: sharedKeys(client, vehicle.publicKey)!, facts };
}

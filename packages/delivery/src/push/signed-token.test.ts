import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tokenSigner } from './signed-token.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'signed-token-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const options = {
  issuer: 'https://accounts.google.com',
  audience: 'https://x/',
  serviceAccount: 'push@home.example',
  keyId: 'k1',
};

describe('tokenSigner', () => {
  it.each([
    ['RS256', generateKeyPairSync('rsa', { modulusLength: 2_048 })],
    ['ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' })],
    ['EdDSA', generateKeyPairSync('ed25519')],
  ])('signs a token that a server for Pub/Sub pushes verifies: %s', async (alg, { privateKey, publicKey }) => {
    const keyFile = fileOf(privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const token = await tokenSigner({ ...options, keyFile }, Date.now)();
    const { payload, protectedHeader } = await jwtVerify(token, publicKey, {
      issuer: options.issuer,
      audience: options.audience,
    });
    expect(protectedHeader).toEqual({ alg, typ: 'JWT', kid: 'k1' });
    expect(payload).toMatchObject({ email: 'push@home.example', email_verified: true, sub: 'push@home.example' });
    expect(payload.exp! - payload.iat!).toBe(3_600);
  });

  it('caches a token until shortly before it expires', async () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    let nowMs = 1_784_000_000_000;
    const sign = tokenSigner(
      { ...options, keyFile: fileOf(privateKey.export({ type: 'pkcs8', format: 'pem' })) },
      () => nowMs,
    );
    const first = await sign();
    nowMs += 3_299_000;
    expect(await sign()).toBe(first);
    nowMs += 2_000;
    const second = await sign();
    expect(second).not.toBe(first);
    // set back: a server whose clock is right rejects a token that is issued in the future
    nowMs -= 3_600_000;
    expect(decodeJwt(await sign()).iat).toBe(nowMs / 1_000);
  });

  it('throws when the key file is missing or cannot sign', () => {
    expect(() => tokenSigner({ ...options, keyFile: join(folder, 'missing') }, Date.now)).toThrow(/ENOENT/);
    const { privateKey } = generateKeyPairSync('x25519');
    const keyFile = fileOf(privateKey.export({ type: 'pkcs8', format: 'pem' }));
    expect(() => tokenSigner({ ...options, keyFile }, Date.now)).toThrow(/expected an RSA, P-256 or Ed25519 key/);
  });
});

let files = 0;
function fileOf(text: string | Buffer): string {
  const path = join(folder, `file-${files++}`);
  writeFileSync(path, text);
  return path;
}

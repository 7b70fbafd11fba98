import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from '@fleetbridge/pki';
import { loadConfig } from '@fleetbridge/service';
import { afterAll, expect, it } from 'vitest';
import { loadCertificate } from './certificate.js';
import { streamingConfig } from './config.js';

const folder = mkdtempSync(join(tmpdir(), 'fleetbridge-certificate-'));
const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('a certificate that cannot be served is reported as a configuration mistake with the variable to change', async () => {
  const { certificatePem, keyPem } = createAuthority({ commonName: 'here', days: 2 });
  writeFileSync(certFile, certificatePem);
  writeFileSync(keyFile, createAuthority({ commonName: 'elsewhere', days: 2 }).keyPem);
  await expect(load()).rejects.toMatchObject({ mistakes: [{ variable: 'STREAMING_KEY_FILE' }] });
  writeFileSync(keyFile, keyPem);
  expect((await load())?.cert).toBe(certificatePem);
  writeFileSync(certFile, 'nothing');
  await expect(load()).rejects.toMatchObject({ name: 'ConfigError', mistakes: [{ variable: 'STREAMING_CERT_FILE' }] });
});

it('the certificate is not read without TLS', async () => {
  writeFileSync(certFile, 'nothing');
  expect(await load({ STREAMING_TLS: 'off' })).toBeUndefined();
});

function load(env: Record<string, string> = {}) {
  const { config } = loadConfig(streamingConfig, {
    env: { REDIS_URL: 'redis://h', STREAMING_CERT_FILE: certFile, STREAMING_KEY_FILE: keyFile, ...env },
  });
  return loadCertificate(config);
}

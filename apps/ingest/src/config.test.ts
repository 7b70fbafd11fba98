import path from 'node:path';
import { ConfigError, loadConfig } from '@fleetbridge/service';
import { describe, expect, it } from 'vitest';
import { ingestConfig, withDefaults } from './config.js';

// any readable file
const caFile = new URL(import.meta.url).pathname;
const required = { REDIS_URL: 'redis://127.0.0.1:6379' };

describe("ingest's configuration", () => {
  it('requires only REDIS_URL, and admits every vehicle of the development CA', () => {
    const { config } = loadConfig(ingestConfig, { env: required });
    expect(config).toMatchObject({ INGEST_PORT: 4443, INGEST_ADMIN_PORT: 8081, ACK_REPLICAS: 0, PARTITIONS: 1 });
    const pki = path.resolve('data', 'pki');
    const { caFile, certFile, keyFile, allowedVins } = withDefaults(config);
    expect([caFile, certFile, keyFile].map((file) => path.resolve(file))).toEqual([
      path.join(pki, 'ca.pem'),
      path.join(pki, 'server.pem'),
      path.join(pki, 'server.key'),
    ]);
    expect(allowedVins).toEqual(['*']);
  });

  it('requires ALLOWED_VINS when another CA signs vehicles', () => {
    expect(mistakes({ INGEST_CA_FILE: caFile })).toEqual(['ALLOWED_VINS']);
    expect(mistakes({ INGEST_CA_FILE: caFile, ALLOWED_VINS: '*' })).toEqual([]);
    expect(mistakes({ INGEST_CA_FILE: caFile, ALLOWED_VINS: 'A,B' })).toEqual([]);
  });

  it('lists several mistakes at once', () => {
    const env = { REDIS_URL: '', INGEST_PORT: '70000', ACK_REPLICAS: 'many', INGEST_CA_FILE: '/nowhere/ca.pem' };
    expect(mistakes(env)).toEqual(['REDIS_URL', 'INGEST_PORT', 'INGEST_CA_FILE', 'ACK_REPLICAS']);
  });
});

function mistakes(env: Record<string, string>): string[] {
  try {
    loadConfig(ingestConfig, { env: { ...required, ...env } });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes.map(({ variable }) => variable);
    throw error;
  }
}

import { ConfigError } from '@fleetbridge/service';
import { settingsOf } from '@fleetbridge/settings';
import { describe, expect, it } from 'vitest';
import {
  admissionConfig,
  caConfig,
  certificateConfig,
  doctorConfig,
  hasDevelopmentCa,
  loadUpConfig,
  logAccessConfig,
  setupConfig,
  simulateConfig,
  topicsConfig,
} from './config.js';

// A file that is readable.
const someFile = import.meta.filename;

function mistakesOf(env: NodeJS.ProcessEnv): string[] {
  try {
    loadUpConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes.map(({ variable, problem }) => `${variable}: ${problem}`);
    throw error;
  }
  return [];
}

describe('the configuration of up', () => {
  it('has a default for every variable', () => {
    expect(loadUpConfig({})).toMatchObject({
      DATA_DIR: './data',
      INGEST_PORT: 4443,
      AUTH: 'token',
      TESLA_ACCOUNTS: [],
    });
  });

  it('lists every mistake at once', () => {
    const mistakes = mistakesOf({
      INGEST_PORT: 'high',
      REDIS_URL: 'localhost:6379',
      STREAMING_CERT_FILE: someFile,
      STREAMING_PORT: '8081',
      AUTH: 'maybe',
      SIM_VEHICLES: '-1',
    });
    expect(mistakes.map((mistake) => mistake.split(':')[0])).toEqual([
      'REDIS_URL',
      'INGEST_PORT',
      'AUTH',
      'SIM_VEHICLES',
      'STREAMING_KEY_FILE',
      'STREAMING_PORT',
    ]);
  });

  it('requires a different port for each server, except for 0', () => {
    expect(mistakesOf({ STREAMING_PORT: '4443' })).toEqual([
      'STREAMING_PORT: expected a port of its own; INGEST_PORT has 4443 too',
    ]);
    expect(mistakesOf({ STREAMING_PORT: '0', INGEST_PORT: '0' })).toEqual([]);
  });

  it('requires ALLOWED_VINS with a CA of the user', () => {
    expect(mistakesOf({ INGEST_CA_FILE: someFile })).toEqual([
      expect.stringContaining('ALLOWED_VINS: must be set with a CA of your own'),
    ]);
    expect(mistakesOf({ INGEST_CA_BUNDLE: 'production' })).toHaveLength(1);
    expect(mistakesOf({ INGEST_CA_FILE: someFile, ALLOWED_VINS: '*' })).toEqual([]);
    expect(mistakesOf({ INGEST_CA_FILE: someFile, ALLOWED_VINS_FILE: someFile })).toEqual([]);
  });

  it('recognizes the development CA in INGEST_CA_FILE', () => {
    expect(hasDevelopmentCa({ DATA_DIR: './data' })).toBe(true);
    expect(hasDevelopmentCa({ DATA_DIR: './data', INGEST_CA_FILE: 'data/pki/../pki/ca.pem' })).toBe(true);
    expect(hasDevelopmentCa({ DATA_DIR: './data', INGEST_CA_FILE: '/etc/ca.pem' })).toBe(false);
    expect(hasDevelopmentCa({ DATA_DIR: './data', INGEST_CA_BUNDLE: 'production' })).toBe(false);
  });

  it('accepts every value of STREAMING_TLS that the streaming server accepts', () => {
    for (const [text, value] of [
      ['true', true],
      ['on', true],
      ['off', false],
      ['0', false],
    ] as const) {
      expect(loadUpConfig({ STREAMING_TLS: text }).STREAMING_TLS).toBe(value);
    }
    expect(mistakesOf({ STREAMING_TLS: 'maybe' })).toEqual([
      expect.stringMatching(/^STREAMING_TLS: expected on or off/),
    ]);
  });

  it('accepts certificate paths with a /*/ as the servers do, and requires that other paths are readable', () => {
    const pairOf = (folder: string) => ({
      INGEST_CERT_FILE: `${folder}/host.crt`,
      INGEST_KEY_FILE: `${folder}/host.key`,
      STREAMING_CERT_FILE: `${folder}/host.crt`,
      STREAMING_KEY_FILE: `${folder}/host.key`,
    });
    expect(loadUpConfig(pairOf('/nowhere/*'))).toMatchObject(pairOf('/nowhere/*'));
    expect(mistakesOf(pairOf('/nowhere'))).toHaveLength(4);
  });

  it('does not show the token', () => {
    expect(JSON.stringify(loadUpConfig({ BRIDGE_TOKEN: 'hunter2' }))).not.toContain('hunter2');
  });
});

it('the commands read every variable that packages/settings lists for the cli', () => {
  const schemas = [
    logAccessConfig,
    simulateConfig,
    certificateConfig,
    caConfig,
    setupConfig,
    doctorConfig,
    admissionConfig,
    topicsConfig,
  ];
  const read = schemas.flatMap(({ object }) => Object.keys(object.shape));
  expect([...new Set(read)].sort()).toEqual(Object.keys(settingsOf('cli')).sort());
});

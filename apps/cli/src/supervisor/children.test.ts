import { describe, expect, it } from 'vitest';
import { loadUpConfig } from '../config.js';
import { appSpec, redisSpec, simulatedVins, simulatorSpec } from './children.js';

const someFile = import.meta.filename;

function factsOf(env: NodeJS.ProcessEnv) {
  return {
    env,
    config: loadUpConfig(env),
    dataDirectory: '/srv/data',
    redisUrl: 'redis://:secret@127.0.0.1:20000',
    bridgeToken: 'the-token',
  };
}

describe('the environment of a child', () => {
  it('has the defaults of a first start', () => {
    expect(appSpec('ingest', factsOf({})).env).toEqual({
      DATA_DIR: '/srv/data',
      REDIS_URL: 'redis://:secret@127.0.0.1:20000',
      INGEST_CA_FILE: '/srv/data/pki/ca.pem',
      INGEST_CERT_FILE: '/srv/data/pki/server.pem',
      INGEST_KEY_FILE: '/srv/data/pki/server.key',
      INGEST_WORKERS: '1',
      ALLOWED_VINS: '*',
      LOG_FORMAT: 'json',
    });
  });

  it('gives the gateway the token and the admitted vehicles', () => {
    expect(appSpec('gateway', factsOf({})).env).toEqual({
      DATA_DIR: '/srv/data',
      REDIS_URL: 'redis://:secret@127.0.0.1:20000',
      ALLOWED_VINS: '*',
      BRIDGE_TOKEN: 'the-token',
      LOG_FORMAT: 'json',
    });
    expect(appSpec('gateway', factsOf({ ALLOWED_VINS: 'A' })).env.ALLOWED_VINS).toBe('A');
  });

  it('keeps the values of the user, except empty ones', () => {
    const { env } = appSpec('ingest', factsOf({ ALLOWED_VINS: 'A,B', INGEST_WORKERS: '4', INGEST_CA_FILE: ' ' }));
    expect(env).toMatchObject({ ALLOWED_VINS: 'A,B', INGEST_WORKERS: '4', INGEST_CA_FILE: '/srv/data/pki/ca.pem' });
  });

  it('does not mix our certificate with that of the user', () => {
    const { env } = appSpec('streaming', factsOf({ STREAMING_CERT_FILE: someFile, STREAMING_KEY_FILE: someFile }));
    expect(env).toMatchObject({ STREAMING_CERT_FILE: someFile, STREAMING_KEY_FILE: someFile });
  });

  it('does not allow all VINs when the user sets a CA', () => {
    const { env } = appSpec('ingest', factsOf({ INGEST_CA_FILE: someFile, ALLOWED_VINS: 'A' }));
    expect(env.ALLOWED_VINS).toBe('A');
    expect(appSpec('ingest', factsOf({ ALLOWED_VINS_FILE: someFile })).env).not.toHaveProperty('ALLOWED_VINS');
    expect(env.INGEST_CA_FILE).toBe(someFile);
  });

  it("sets the ports of ingest, whatever a configuration file of Tesla's Go server contains", () => {
    expect(appSpec('ingest', factsOf({ INGEST_CONFIG: someFile })).env).toMatchObject({
      INGEST_CONFIG: someFile,
      NAMESPACE: 'telemetry',
      INGEST_PORT: '4443',
      INGEST_ADMIN_PORT: '8081',
    });
  });

  it.each([
    [{}, undefined],
    [{ AUTH: 'none' }, '127.0.0.1'],
    [{ AUTH: 'none', AUTH_NONE_ANYWHERE: 'on' }, undefined],
    [{ STREAMING_BIND: '192.0.2.1' }, '192.0.2.1'],
  ])('binds the ports of the streaming server to the address of %j', (env, host) => {
    expect(appSpec('streaming', factsOf(env)).ports).toEqual([
      { name: 'clients', host, port: 8443 },
      { name: 'grpc', host, port: 50051 },
    ]);
    expect(appSpec('ingest', factsOf(env)).ports).toBeUndefined();
  });

  it("omits the development CA when Tesla's CAs are used", () => {
    const { env } = appSpec('ingest', factsOf({ INGEST_CA_BUNDLE: 'production', ALLOWED_VINS: 'A' }));
    expect(env).not.toHaveProperty('INGEST_CA_FILE');
  });

  it('contains only the secrets of that child', () => {
    const facts = factsOf({ REDIS_URL: 'redis://:secret@elsewhere', BRIDGE_TOKEN: 'the-token' });
    expect(appSpec('streaming', facts).env).toMatchObject({
      BRIDGE_TOKEN: 'the-token',
      REDIS_URL: facts.env.REDIS_URL,
    });
    expect(appSpec('ingest', facts).env).not.toHaveProperty('BRIDGE_TOKEN');
    expect(appSpec('dispatcher', facts).env).not.toHaveProperty('BRIDGE_TOKEN');
    const push = factsOf({ PUBSUB_PUSH_TOKEN_FILE: someFile });
    expect(appSpec('streaming', push).env).toHaveProperty('PUBSUB_PUSH_TOKEN_FILE');
    expect(appSpec('ingest', push).env).not.toHaveProperty('PUBSUB_PUSH_TOKEN_FILE');
    for (const spec of [redisSpec(facts), simulatorSpec(['A'], facts)]) {
      expect(JSON.stringify(spec)).not.toMatch(/secret|the-token/);
    }
  });

  it('contains variables with names of the prototype of objects', () => {
    const { env } = appSpec('ingest', factsOf({ constructor: 'x', valueOf_FILE: 'y' }));
    expect(env).toMatchObject({ constructor: 'x', valueOf_FILE: 'y' });
  });

  it('contains a secret from a file only once', () => {
    const env = { BRIDGE_TOKEN_FILE: someFile };
    expect(appSpec('streaming', { ...factsOf({}), env }).env).toMatchObject({ BRIDGE_TOKEN: 'the-token' });
    expect(appSpec('streaming', { ...factsOf({}), env }).env).not.toHaveProperty('BRIDGE_TOKEN_FILE');
  });
});

it('starts each app from its own folder', () => {
  expect(appSpec('streaming', factsOf({})).args[0]).toMatch(/apps\/streaming\/dist\/main\.js$/);
});

it('numbers the simulated vehicles from 5YJ3E1EA7KF000001', () => {
  expect(simulatedVins(2)).toEqual(['5YJ3E1EA7KF000001', '5YJ3E1EA7KF000002']);
  expect(simulatorSpec(simulatedVins(2), factsOf({})).args.slice(1)).toEqual([
    'simulate',
    '--vin',
    '5YJ3E1EA7KF000001',
    '--vin',
    '5YJ3E1EA7KF000002',
  ]);
});

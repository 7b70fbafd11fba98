import { ConfigError, loadConfig } from '@fleetbridge/service';
import { describe, expect, it } from 'vitest';
import { streamingConfig, withDefaults } from './config.js';
import { createVinOf } from './owner/vehicle-ids.js';

const REDIS_URL = 'redis://127.0.0.1:6379';

describe('the configuration', () => {
  it('requires only REDIS_URL', () => {
    const config = load({});
    expect(config).toMatchObject({ STREAMING_PORT: 8443, STREAMING_GRPC_PORT: 50_051, STREAMING_WORKERS: 1 });
    expect(config.TESLA_JWKS).toBe('https://auth.tesla.com/oauth2/v3/discovery/thirdparty/keys');
    expect(config.TESLA_ISSUERS).toContain('https://auth.tesla.com/oauth2/v3/nts');
    expect(withDefaults(config).bind).toBeUndefined();
  });

  it('restricts AUTH=none to loopback unless AUTH_NONE_ANYWHERE is on', () => {
    expect(withDefaults(load({ AUTH: 'none' })).bind).toBe('127.0.0.1');
    expect(mistakesOf({ AUTH: 'none', STREAMING_BIND: '0.0.0.0' })).toEqual(['AUTH']);
    expect(withDefaults(load({ AUTH: 'none', AUTH_NONE_ANYWHERE: 'on' })).bind).toBeUndefined();
  });

  it.each([
    [{ PUBSUB_PUSH_AUDIENCE: 'x', ALLOWED_VINS: '*' }, ['PUBSUB_PUSH_ACCOUNT']],
    [{ PUBSUB_PUSH_ACCOUNT: 'a@b', ALLOWED_VINS: '*' }, ['PUBSUB_PUSH_AUDIENCE']],
    [{ PUBSUB_PUSH_TOKEN: 'x' }, ['ALLOWED_VINS']],
    [{ TRUSTED_PROXIES: '10.0.0.0/8,proxy' }, ['TRUSTED_PROXIES']],
    [{ VEHICLE_IDS: '12=5YJ3E1EA7KF000001,abc' }, ['VEHICLE_IDS']],
    [{ STREAMING_WORKERS: '0', STREAMING_GRPC_PORT: '70000' }, ['STREAMING_GRPC_PORT', 'STREAMING_WORKERS']],
  ])('finds every mistake of %j', (env, variables) => {
    expect(mistakesOf(env).sort()).toEqual(variables);
  });

  it('maps a vehicle id to its VIN, and treats other tags as VINs', () => {
    const vinOf = createVinOf(load({ VEHICLE_IDS: '1234567890=5yj3e1ea7kf000001' }).VEHICLE_IDS);
    expect(vinOf('1234567890')).toBe('5YJ3E1EA7KF000001');
    expect(vinOf('5yj3e1ea7kf000002')).toBe('5YJ3E1EA7KF000002');
    expect(vinOf('99')).toBe('99');
  });
});

function load(env: Record<string, string>) {
  return loadConfig(streamingConfig, { env: { REDIS_URL, ...env } }).config;
}

function mistakesOf(env: Record<string, string>): string[] {
  try {
    load(env);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.mistakes.map(({ variable }) => variable);
  }
}

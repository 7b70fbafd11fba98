import { describe, expect, it } from 'vitest';
import { loadUpConfig } from '../config.js';
import { welcome } from './welcome.js';

const someFile = import.meta.filename;
const welcomeOf = (env: NodeJS.ProcessEnv) =>
  welcome({ config: loadUpConfig(env), dataDirectory: '/srv/data', token: 'T0KEN', vins: ['VIN1'] });

/** The lines of the two blocks for TeslaMate. */
const blocksOf = (text: string) =>
  text
    .split('\n\n')
    .filter((part) => part.includes('TESLA_WSS_HOST'))
    .map((part) => part.split('\n').map((line) => line.trim()));

describe('welcome', () => {
  it('contains both environment blocks for TeslaMate, ready to copy', () => {
    const [withToken, withoutToken] = blocksOf(welcomeOf({}));
    expect(withToken).toEqual([
      'TESLA_WSS_HOST=wss://localhost:8443',
      'TESLA_WSS_TLS_ACCEPT_INVALID_CERTS=true',
      'TESLA_WSS_USE_VIN=true',
      'TOKEN=?token=T0KEN',
    ]);
    expect(withoutToken?.slice(0, 3)).toEqual(withToken?.slice(0, 3));
    expect(withoutToken?.join()).not.toContain('T0KEN');
    expect(withoutToken?.join()).toContain('TESLA_ACCOUNTS');
  });

  it('does not disable certificate checks with a certificate of the user', () => {
    const text = welcomeOf({
      STREAMING_CERT_FILE: someFile,
      STREAMING_KEY_FILE: someFile,
      STREAMING_HOST: 's.example',
    });
    expect(text).toContain('TESLA_WSS_HOST=wss://s.example:8443');
    expect(text).not.toContain('INVALID_CERTS');
  });

  it('shows ws:// when TLS is off, and no hint on accounts once they are set', () => {
    const text = welcomeOf({ STREAMING_TLS: 'off', TESLA_ACCOUNTS: 'me' });
    expect(text).toContain('TESLA_WSS_HOST=ws://localhost:8443');
    expect(text).not.toContain('INVALID_CERTS');
    expect(text).not.toContain('TESLA_ACCOUNTS');
  });

  it('has a block for the gateway when it runs', () => {
    const config = loadUpConfig({ GATEWAY_HOST: 'g.example' });
    const text = welcome({ config, dataDirectory: '/srv/data', token: 'T0KEN', vins: [], hasGateway: true });
    expect(text).toContain('http://127.0.0.1:8084/readyz');
    const [gateway, ...others] = blocksOf(text);
    expect(gateway).toEqual([
      'TESLA_API_HOST=http://g.example:8080',
      'TESLA_AUTH_HOST=http://g.example:8080',
      'TESLA_AUTH_PATH=/oauth2/v3',
      'TESLA_WSS_HOST=wss://localhost:8443',
      'TESLA_WSS_TLS_ACCEPT_INVALID_CERTS=true',
      'TESLA_WSS_USE_VIN=true',
      'TOKEN=?token=T0KEN',
    ]);
    expect(others).toHaveLength(2);
  });
});

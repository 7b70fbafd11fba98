import { afterEach, describe, expect, it } from 'vitest';
import { domain, http, redirectUri, startSetUp } from '../../test/tesla-set-up.js';
import type { Clock } from '../vehicle/index.js';

const disposables: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const dispose of disposables.splice(0)) await dispose();
});

async function setUp(options: Parameters<typeof startSetUp>[0] = {}) {
  const started = await startSetUp(options);
  disposables.push(() => started.api.stop());
  return started;
}

const HOUR_MS = 3_600_000;
const refreshed = { grant_type: 'refresh_token' };

function movableClock() {
  let nowMs = Date.UTC(2026, 10, 1);
  const clock: Clock = {
    now: () => nowMs,
    after(_delayMs, run) {
      const handle = setImmediate(run);
      return () => clearImmediate(handle);
    },
  };
  return { clock, advance: (ms: number) => (nowMs += ms) };
}

describe("the stand-in's sign-in", () => {
  it('redirects with a code that can be exchanged once, within a minute', async () => {
    const { clock, advance } = movableClock();
    const { authorize, exchange, token } = await setUp({ clock });
    const codeOf = async () => {
      const { status, headers } = await authorize();
      expect(status).toBe(302);
      const target = new URL(headers.location as string);
      expect(target.href).toContain(redirectUri);
      expect(target.searchParams.get('state')).toBe('our-state');
      return target.searchParams.get('code')!;
    };
    const code = await codeOf();
    expect((await exchange(code)).json).toMatchObject({ expires_in: 28_800, token_type: 'Bearer' });
    expect((await exchange(code)).json).toMatchObject({ error: 'invalid_grant' });
    const late = await codeOf();
    advance(61_000);
    expect((await exchange(late)).json).toMatchObject({ error: 'invalid_grant' });
    const wrongSecret = { grant_type: 'authorization_code', client_secret: 'other', code: 'x' };
    expect(await token(wrongSecret)).toMatchObject({ status: 401, json: { error: 'unauthorized_client' } });
  });

  it('rotates refresh tokens, and keeps the most recently used one for 24 hours', async () => {
    const { clock, advance } = movableClock();
    const { signIn, token } = await setUp({ clock });
    const { refresh_token: first } = await signIn();
    const { refresh_token: lost } = (await token({ ...refreshed, refresh_token: first })).json;
    const { refresh_token: second } = (await token({ ...refreshed, refresh_token: first })).json;
    expect((await token({ ...refreshed, refresh_token: lost })).json.error).toBe('login_required');
    const { refresh_token: third } = (await token({ ...refreshed, refresh_token: second })).json;
    expect((await token({ ...refreshed, refresh_token: first })).status).toBe(401);
    advance(25 * HOUR_MS);
    expect((await token({ ...refreshed, refresh_token: second })).json.error).toBe('login_required');
    advance(90 * 24 * HOUR_MS);
    expect((await token({ ...refreshed, refresh_token: third })).json.error).toBe('login_required');
  });

  it('can refuse the most recently used refresh token, and end a sign-in', async () => {
    const { api, signIn, token, call, ready } = await setUp({ account: { keepsLastRefreshToken: false } });
    const { refresh_token: first } = await signIn();
    const { refresh_token: second } = (await token({ ...refreshed, refresh_token: first })).json;
    expect((await token({ ...refreshed, refresh_token: first })).status).toBe(401);
    const access = await ready();
    expect((await call('GET', 'vehicles', access)).status).toBe(200);
    api.revokeSignIn();
    expect((await call('GET', 'vehicles', access)).status).toBe(401);
    expect((await token({ ...refreshed, refresh_token: second })).json.error).toBe('login_required');
  });

  it('expires access tokens after 8 hours', async () => {
    const { clock, advance } = movableClock();
    const { ready, call } = await setUp({ clock });
    const access = await ready();
    advance(8 * HOUR_MS - 1);
    expect((await call('GET', 'vehicles', access)).status).toBe(200);
    advance(2);
    expect((await call('GET', 'vehicles', access)).status).toBe(401);
  });

  it('answers a denied sign-in, an unknown client and a redirect that is not registered', async () => {
    const { api, authorize } = await setUp({ account: { isSignInDenied: true } });
    expect((await authorize()).headers.location).toContain('error=access_denied');
    const url = (clientId: string, uri: string) =>
      `${api.authUrl}/oauth2/v3/authorize?client_id=${clientId}&redirect_uri=${encodeURIComponent(uri)}`;
    expect((await http('GET', url('other', redirectUri))).text).toContain('unauthorized_client');
    expect((await http('GET', url('client', 'http://localhost:1/'))).status).toBe(400);
  });
});

describe("the stand-in's partner account", () => {
  it('fetches the public key from the domain, and serves it as hex', async () => {
    const { register, key, published, call, partnerToken } = await setUp();
    const point = key.privateKey.export({ format: 'jwk' });
    published.delete(domain);
    expect(await register()).toMatchObject({ json: { error: 'Public key download failed' } });
    published.set(domain, 'not a key');
    expect((await register()).json.error).toBe('Public key download failed');
    const partner = await partnerToken();
    expect((await call('GET', `partner_accounts/public_key?domain=${domain}`, partner)).status).toBe(404);
    published.set(domain, key.publicKeyPem);
    expect((await register()).status).toBe(200);
    const { json } = await call('GET', `partner_accounts/public_key?domain=${domain}`, partner);
    expect(json.response.public_key).toMatch(/^04[0-9a-f]{128}$/);
    expect(json.response.public_key.slice(2, 66)).toBe(Buffer.from(point.x!, 'base64url').toString('hex'));
  });

  it('accepts only domains below an allowed origin, and only partner tokens', async () => {
    const { register, call, signIn, published, key } = await setUp();
    expect((await register('other.example.org')).json.error).toBe('Domain is not valid');
    expect((await register('https://cars.example.com')).json.error).toBe('Domain is not valid');
    published.set('telemetry.example.com', key.publicKeyPem);
    expect((await register('telemetry.example.com')).status).toBe(200);
    const { access_token } = await signIn();
    expect((await call('POST', 'partner_accounts', access_token, { domain })).status).toBe(403);
  });
});

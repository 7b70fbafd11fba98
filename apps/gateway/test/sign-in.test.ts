// The token endpoint as TeslaMate and other clients call it.
import { describe, expect } from 'vitest';
import { it, OTHER_VIN, type Rig, START_MS, TOKEN, VIN } from './gateway-rig.js';

const HOUR = 3_600_000;

function refresh(rig: Rig, refreshToken: unknown, { token = '', form = false } = {}) {
  const body = {
    grant_type: 'refresh_token',
    scope: 'openid email offline_access',
    client_id: 'ownerapi',
    refresh_token: refreshToken,
  };
  return rig.request('/oauth2/v3/token', {
    method: 'POST',
    token,
    headers: { 'content-type': form ? 'application/x-www-form-urlencoded' : 'application/json' },
    body: form ? new URLSearchParams(body as Record<string, string>).toString() : JSON.stringify(body),
  });
}

describe('with a refresh token of a client', () => {
  it('gives an access token for 8 hours and the same refresh token', async ({ startRig }) => {
    const rig = await startRig();
    const { refreshToken } = await rig.clients.create({ vin: '*', label: 'TeslaMate', nowMs: START_MS });
    for (const form of [false, true]) {
      const { status, headers, body } = await refresh(rig, refreshToken, { form });
      expect(status).toBe(200);
      expect(headers.get('content-type')).toMatch(/^application\/json/);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(body).toEqual({
        access_token: expect.stringMatching(/^qts-[\w-]{43}$/),
        refresh_token: refreshToken,
        id_token: body.access_token,
        token_type: 'Bearer',
        expires_in: 28_800,
        created_at: START_MS / 1_000,
      });
      expect((await rig.request('/api/1/products', { token: body.access_token })).status).toBe(200);
    }
  });

  it('gives access until it expires or the client is revoked', async ({ startRig }) => {
    const rig = await startRig();
    const { refreshToken, grant } = await rig.clients.create({ vin: VIN, label: '', nowMs: START_MS });
    const { access_token: token } = (await refresh(rig, refreshToken)).body;
    expect((await rig.request(`/api/1/vehicles/${OTHER_VIN}`, { token })).status).toBe(404);
    rig.clock.nowMs += 8 * HOUR - 1;
    expect((await rig.request(`/api/1/vehicles/${VIN}`, { token })).status).toBe(200);
    rig.clock.nowMs += 1;
    expect((await rig.request(`/api/1/vehicles/${VIN}`, { token })).status).toBe(401);
    const { access_token: next } = (await refresh(rig, refreshToken)).body;
    expect((await rig.request(`/api/1/vehicles/${VIN}`, { token: next })).status).toBe(200);
    await rig.tokens.revoke(grant.id);
    expect((await rig.request(`/api/1/vehicles/${VIN}`, { token: next })).status).toBe(401);
    expect((await refresh(rig, refreshToken)).status).toBe(401);
  });
});

describe('with TOKEN', () => {
  it.for([null, '', 'hello', 'qts-unknown'])(
    'gives that Bearer for the refresh token %j',
    async (refreshToken, { startRig }) => {
      const rig = await startRig();
      const { status, body } = await refresh(rig, refreshToken, { token: TOKEN });
      expect({ status, token: body.access_token, expires: body.expires_in }).toEqual({
        status: 200,
        token: TOKEN,
        expires: 28_800,
      });
      expect(body.refresh_token).toBe(refreshToken || TOKEN);
    },
  );
});

describe('without either', () => {
  it.for([null, '', 'hello', undefined, 'x'.repeat(20_000)])(
    'gives nothing for %j',
    async (refreshToken, { startRig }) => {
      const rig = await startRig();
      for (const token of ['', 'wrong']) {
        const { status, body } = await refresh(rig, refreshToken, { token });
        expect({ status, error: body.error }).toEqual({ status: 401, error: 'invalid_grant' });
        expect(body.access_token).toBeUndefined();
      }
    },
  );

  it.for([
    [{ grant_type: 'password', refresh_token: 'x' }, 'unsupported_grant_type'],
    [{ refresh_token: 5 }, 'invalid_request'],
    [{ refresh_token: { a: 1 } }, 'invalid_request'],
  ] as const)('rejects %j', async ([body, error], { startRig }) => {
    const rig = await startRig();
    const init = { method: 'POST', token: '', headers: { 'content-type': 'application/json' } };
    const answer = await rig.request('/oauth2/v3/token', { ...init, body: JSON.stringify(body) });
    expect({ status: answer.status, error: answer.body.error }).toEqual({ status: 400, error });
  });
});

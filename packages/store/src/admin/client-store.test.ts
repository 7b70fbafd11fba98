import { expect } from 'vitest';
import { it } from '../testing/index.js';
import { ClientStore } from './client-store.js';
import { TokenStore } from './token-store.js';

const NOW = 1_700_000_000_000;
const HOUR = 3_600_000;

it('mints access tokens that expire after 8 hours for a refresh token that stays', async ({ store }) => {
  const clients = new ClientStore(store);
  const { refreshToken, grant } = await clients.create({ vin: '*', label: 'TeslaMate', nowMs: NOW });
  expect(refreshToken).toMatch(/^qts-[\w-]{43}$/);
  const { accessToken } = (await clients.mint(refreshToken, NOW))!;
  expect(accessToken).toMatch(/^qts-[\w-]{43}$/);
  expect(await clients.grantOfAccessToken(accessToken, NOW + 8 * HOUR - 1)).toEqual(grant);
  expect(await clients.grantOfAccessToken(accessToken, NOW + 8 * HOUR)).toBeUndefined();
  expect((await clients.mint(refreshToken, NOW + 9 * HOUR))?.grant).toEqual(grant);
  // a refresh token reads nothing, and an access token refreshes nothing
  expect(await clients.grantOfAccessToken(refreshToken, NOW)).toBeUndefined();
  expect(await clients.mint(accessToken, NOW)).toBeUndefined();
  expect(await clients.mint('hello', NOW)).toBeUndefined();
});

it('keeps at most four access tokens per client, and removes expired ones', async ({ store }) => {
  const clients = new ClientStore(store);
  const { refreshToken } = await clients.create({ vin: '*', label: '', nowMs: NOW });
  const tokens: string[] = [];
  for (let n = 0; n < 6; n++) tokens.push((await clients.mint(refreshToken, NOW + n))!.accessToken);
  const valid = await Promise.all(tokens.map((token) => clients.grantOfAccessToken(token, NOW + 10)));
  expect(valid.map((grant) => grant !== undefined)).toEqual([false, false, true, true, true, true]);
  await clients.mint(refreshToken, NOW + 9 * HOUR);
  const fields = await store.redis.hkeys(`${store.namespace}:clients`);
  expect(fields.filter((field) => field.startsWith('access:'))).toHaveLength(1);
});

it('stores no token, only hashes', async ({ store }) => {
  const clients = new ClientStore(store);
  const { refreshToken } = await clients.create({ vin: '*', label: '', nowMs: NOW });
  const { accessToken } = (await clients.mint(refreshToken, NOW))!;
  const stored = JSON.stringify(await store.redis.hgetall(`${store.namespace}:clients`));
  for (const token of [refreshToken, accessToken]) expect(stored).not.toContain(token.slice(4));
});

it('is a token of TokenStore too: its access tokens are granted, it is listed and revoked', async ({ store }) => {
  const clients = new ClientStore(store);
  const tokens = new TokenStore(store, () => NOW);
  const own = await tokens.create({ vin: '*', label: 'own', nowMs: NOW });
  const { refreshToken, grant } = await clients.create({
    vin: '5YJ3E1EA7KF000001',
    label: 'TeslaMate',
    nowMs: NOW + 1,
  });
  const { accessToken } = (await clients.mint(refreshToken, NOW))!;
  expect(await tokens.grantOf(accessToken)).toEqual(grant);
  expect(await tokens.list()).toEqual([own.grant, grant]);
  expect(await tokens.revoke(grant.id)).toBe(true);
  expect(await tokens.revoke(grant.id)).toBe(false);
  expect(await tokens.grantOf(accessToken)).toBeUndefined();
  expect(await clients.mint(refreshToken, NOW)).toBeUndefined();
  expect(await store.redis.hlen(`${store.namespace}:clients`)).toBe(0);
});

it('remembers when a client was here, until it is removed', async ({ store }) => {
  const clients = new ClientStore(store);
  const { grant } = await clients.create({ vin: '*', label: '', nowMs: NOW });
  expect(await clients.uses(grant.id)).toEqual({ sign_in: undefined, poll: undefined, stream: undefined });
  await clients.seen(grant.id, 'poll', NOW + 1);
  expect(await clients.uses(grant.id)).toEqual({ sign_in: undefined, poll: NOW + 1, stream: undefined });
  await clients.remove(grant.id);
  expect(await store.redis.hlen(`${store.namespace}:clients`)).toBe(0);
});

it('has an overview: how many clients there are, and when one of them polled last', async ({ store }) => {
  const clients = new ClientStore(store);
  expect(await clients.overview()).toEqual({ clients: 0, lastPollMs: undefined });
  const [one, other] = await Promise.all(
    ['one', 'other'].map((label) => clients.create({ vin: '*', label, nowMs: 1 })),
  );
  await clients.seen(one!.grant.id, 'stream', 9_000);
  expect(await clients.overview()).toEqual({ clients: 2, lastPollMs: undefined });
  await clients.seen(one!.grant.id, 'poll', 2_000);
  await clients.seen(other!.grant.id, 'poll', 1_000);
  expect(await clients.overview()).toEqual({ clients: 2, lastPollMs: 2_000 });
  await clients.remove(one!.grant.id);
  expect(await clients.overview()).toEqual({ clients: 1, lastPollMs: 1_000 });
});

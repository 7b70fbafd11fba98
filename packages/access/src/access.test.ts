// Tokens against a real Redis, and Tesla's own against keys that a real HTTP server publishes.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connectRedis, type RedisConnection, TokenStore, whenReady } from '@fleetbridge/store';
import { type DisposableRedis, startRedis } from '@fleetbridge/testing';
import { cleanupAfterEach } from '@fleetbridge/testing/cleanup';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Access } from './access.js';
import { KeySet, TeslaTokens, teslaIssuers } from './jwt/index.js';

const VIN = '5YJ3E1EA7KF000001';
const NOW_MS = Date.UTC(2026, 10, 1);
const ISSUER = 'https://fleet-auth.tesla.com/oauth2/v3/nts';
const log = { warn: () => {} };
type Signer = Awaited<ReturnType<typeof signer>>;
let redisServer: DisposableRedis;
let redis: RedisConnection;
let tesla: Signer;
let stranger: Signer;
let namespaces = 0;
const cleanUp = cleanupAfterEach();

beforeAll(async () => {
  redisServer = await startRedis();
  redis = connectRedis({ url: redisServer.url, name: 'test' });
  await whenReady(redis, 5_000);
  [tesla, stranger] = await Promise.all([signer('k-1'), signer('k-1')]);
});
afterAll(async () => {
  redis.disconnect();
  await redisServer.stop();
});

describe('a token', () => {
  it('says who the subscriber is', async () => {
    const { access, tokens } = await openAccess();
    const own = await tokens.create({ vin: VIN, label: '', nowMs: 1 });
    const client = access.client('192.0.2.1');
    expect(await client.judge('bridge-token', VIN)).toEqual({ verdict: 'granted', who: 'bridge' });
    expect(await client.judge(own.token, VIN)).toEqual({ verdict: 'granted', who: `token:${own.grant.id}` });
    expect(await client.judge(own.token, '5YJ3E1EA7KF000002')).toEqual({ verdict: 'refused', who: '' });
    expect(client.granted).toBeUndefined();
    expect(await client.verdict(undefined, VIN)).toBe('refused');
    expect(access.refusals).toEqual({ other_vehicle: 1, no_token: 1 });
  });

  it('that was shown last is what the client is held to, whichever is judged first', async () => {
    const { access, tokens } = await openAccess();
    const own = await tokens.create({ vin: VIN, label: '', nowMs: 1 });
    const client = access.client('192.0.2.1');
    // the first one is asked of Redis, the other is known here
    await Promise.all([client.judge('wrong', VIN), client.judge('bridge-token', VIN)]);
    expect(client.granted).toEqual({ who: 'bridge', vin: '*' });
    await Promise.all([client.judge(own.token, '5YJ3E1EA7KF000002'), client.judge('bridge-token', VIN)]);
    expect(client.granted).toEqual({ who: 'bridge', vin: '*' });
  });

  it('is not needed with AUTH=none', async () => {
    const { access } = await openAccess({ isRequired: false });
    expect(await access.client('').judge(undefined, VIN)).toEqual({ verdict: 'granted', who: 'open' });
  });

  it('is neither right nor wrong before the log has been read', async () => {
    let isReady = false;
    const { access } = await openAccess({ isReady: () => isReady });
    expect(await access.client('').verdict('wrong', VIN)).toBe('unknown');
    isReady = true;
    expect(await access.client('').verdict('bridge-token', VIN)).toBe('granted');
  });
});

describe('failures', () => {
  it('of one address are limited: a thousand wrong tokens are refused, and a right one from another address is not', async () => {
    const { access, lookUps } = await openAccess();
    for (let n = 0; n < 1_000; n++) expect(await access.client('192.0.2.1').verdict(`wrong-${n}`, VIN)).toBe('refused');
    expect(access.refusals).toEqual({ unknown_token: 20, address_limited: 980 });
    expect(lookUps()).toBe(20);
    expect(await access.client('192.0.2.1').verdict('bridge-token', VIN)).toBe('refused');
    expect(await access.client('192.0.2.2').verdict('bridge-token', VIN)).toBe('granted');
  });

  it('are forgiven with time', async () => {
    const { access, clock } = await openAccess();
    for (let n = 0; n < 21; n++) await access.client('192.0.2.1').verdict('wrong', VIN);
    expect(await access.client('192.0.2.1').verdict('bridge-token', VIN)).toBe('refused');
    clock.nowMs += 4_000;
    expect(await access.client('192.0.2.1').verdict('bridge-token', VIN)).toBe('granted');
  });

  it('of an IPv6 network count together', async () => {
    const { access } = await openAccess();
    for (let n = 0; n < 20; n++) await access.client(`2001:db8::1:${n}`).verdict('wrong', VIN);
    expect(await access.client('2001:db8:0:0:ffff::1').verdict('bridge-token', VIN)).toBe('refused');
    expect(await access.client('2001:db8:0:1::1').verdict('bridge-token', VIN)).toBe('granted');
  });

  it('are not made of right tokens, nor of those that open another vehicle', async () => {
    const { access, tokens } = await openAccess();
    const { token } = await tokens.create({ vin: VIN, label: '', nowMs: 1 });
    for (let n = 0; n < 30; n++) {
      await access.client('192.0.2.1').verdict(token, VIN);
      await access.client('192.0.2.1').verdict(token, '5YJ3E1EA7KF000002');
    }
    expect(await access.client('192.0.2.1').verdict(token, VIN)).toBe('granted');
  });
});

describe("a token of Tesla's", () => {
  it('opens when its account is in TESLA_ACCOUNTS', async () => {
    const { access } = await openAccess({ teslaAccounts: ['owner-1'] });
    const token = await tesla.sign({ sub: 'owner-1' });
    expect(await access.client('').judge(`Bearer ${token}`, VIN)).toEqual({ verdict: 'granted', who: 'tesla:owner-1' });
    expect(await access.client('').verdict(await tesla.sign({ sub: 'owner-2' }), VIN)).toBe('refused');
    expect(access.refusals).toEqual({ tesla_unknown_account: 1 });
  });

  it('opens what its account was trusted for', async () => {
    const { access, tokens } = await openAccess();
    await tokens.trust({ account: 'owner-3', vin: VIN, label: '', nowMs: 1 });
    const token = await tesla.sign({ sub: 'owner-3' });
    expect((await access.client('').judge(token, VIN)).who).toBe('tesla:owner-3');
    expect(await access.client('').verdict(token, '5YJ3E1EA7KF000002')).toBe('refused');
  });

  it.each(teslaIssuers)('may come from %s', async (issuer) => {
    const { access } = await openAccess({ teslaAccounts: ['owner-1'] });
    expect(await access.client('').verdict(await tesla.sign({ sub: 'owner-1', issuer }), VIN)).toBe('granted');
  });

  it.each([
    ['has expired', 'tesla_expired', () => tesla.sign({ sub: 'owner-1', expiresMs: NOW_MS - 120_000 })],
    ['is signed by somebody else', 'tesla_not_genuine', () => stranger.sign({ sub: 'owner-1' })],
    ['has no subject', 'tesla_not_genuine', () => tesla.sign({})],
    ['comes from another issuer', 'unknown_token', () => tesla.sign({ sub: 'owner-1', issuer: 'https://example.com' })],
    ['is not signed', 'tesla_not_genuine', () => unsigned({ iss: ISSUER, sub: 'owner-1', exp: NOW_MS / 1000 + 60 })],
    [
      'is signed with the public key as a secret',
      'tesla_not_genuine',
      async () =>
        new SignJWT({ sub: 'owner-1' })
          .setProtectedHeader({ alg: 'HS256', kid: 'k-1' })
          .setIssuer(ISSUER)
          .setExpirationTime(NOW_MS / 1000 + 60)
          .sign(Buffer.from(JSON.stringify((await tesla.keys()).keys[0]))),
    ],
  ])('is refused when it %s', async (_, reason, make) => {
    const { access } = await openAccess({ teslaAccounts: ['owner-1'] });
    expect(await access.client('').verdict(await make(), VIN)).toBe('refused');
    expect(access.refusals).toEqual({ [reason]: 1 });
  });

  it('is verified with keys that are fetched once, and again for a key that is new', async () => {
    const { access, published, clock } = await openAccess({ teslaAccounts: ['owner-1'] });
    const token = await tesla.sign({ sub: 'owner-1' });
    for (let n = 0; n < 5; n++) expect(await access.client('').verdict(token, VIN)).toBe('granted');
    expect(published.requests).toBe(1);
    const next = await signer('k-2');
    published.keys = [...published.keys, ...(await next.keys()).keys];
    clock.nowMs += 31_000;
    expect(await access.client('').verdict(await next.sign({ sub: 'owner-1' }), VIN)).toBe('granted');
    expect(published.requests).toBe(2);
  });

  it('is verified with the old keys while new ones are not to be had, and is no failure without any', async () => {
    const { access, published, clock } = await openAccess({ teslaAccounts: ['owner-1'] });
    const token = await tesla.sign({ sub: 'owner-1', expiresMs: NOW_MS + 9e7 });
    published.isDown = true;
    expect(await access.client('').verdict(token, VIN)).toBe('unknown');
    published.isDown = false;
    clock.nowMs += 31_000;
    expect(await access.client('').verdict(token, VIN)).toBe('granted');
    published.isDown = true;
    clock.nowMs += 3_700_000;
    expect(await access.client('').verdict(token, VIN)).toBe('granted');
    expect(access.refusals).toEqual({});
  });

  it('is verified with keys from a file', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'keys-'));
    cleanUp.push(() => rmSync(folder, { recursive: true }));
    const source = path.join(folder, 'keys.json');
    writeFileSync(source, JSON.stringify(await tesla.keys()));
    const { access } = await openAccess({ teslaAccounts: ['owner-1'], source });
    expect(await access.client('').verdict(await tesla.sign({ sub: 'owner-1' }), VIN)).toBe('granted');
  });
});

async function openAccess(
  options: { isRequired?: boolean; isReady?: () => boolean; teslaAccounts?: string[]; source?: string } = {},
) {
  const tokens = new TokenStore({ redis, namespace: `access-${namespaces++}` });
  const clock = { nowMs: NOW_MS };
  const now = () => clock.nowMs;
  const published = await publish((await tesla.keys()).keys);
  const keys = new KeySet({ source: options.source ?? published.url, now, log });
  const { source: _, ...rest } = options;
  let lookUps = 0;
  const access = new Access({
    isRequired: true,
    bridgeToken: 'bridge-token',
    tokens: {
      grantOf: (token) => {
        lookUps++;
        return tokens.grantOf(token);
      },
      grantOfAccount: (account) => tokens.grantOfAccount(account),
      list: () => tokens.list(),
    },
    teslaTokens: new TeslaTokens({ keys, issuers: teslaIssuers, now }),
    now,
    ...rest,
  });
  return { access, tokens, clock, published, lookUps: () => lookUps };
}

async function publish(keys: object[]) {
  const published = { keys, requests: 0, isDown: false, url: '' };
  const server = createServer((_request, response) => {
    published.requests++;
    response.statusCode = published.isDown ? 503 : 200;
    response.end(JSON.stringify({ keys: published.keys }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUp.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  published.url = `http://127.0.0.1:${(server.address() as { port: number }).port}/keys`;
  return published;
}

async function signer(kid: string) {
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  return {
    keys: async () => ({ keys: [{ ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' }] }),
    sign: ({ sub, issuer = ISSUER, expiresMs = NOW_MS + 8 * 3_600_000 }: Claims) =>
      new SignJWT(sub === undefined ? {} : { sub })
        .setProtectedHeader({ alg: 'RS256', kid })
        .setIssuer(issuer)
        .setExpirationTime(Math.floor(expiresMs / 1000))
        .sign(privateKey),
  };
}

interface Claims {
  sub?: string;
  issuer?: string;
  expiresMs?: number;
}

function unsigned(claims: object): Promise<string> {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return Promise.resolve(`${part({ alg: 'none', kid: 'k-1' })}.${part(claims)}.AAAA`);
}

// Tokens against a real Redis, and Tesla's own against keys that a real HTTP server publishes.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { teslaIssuers } from '@fleetbridge/settings';
import { TokenStore } from '@fleetbridge/store';
import { type RedisTestContext, it as redisIt } from '@fleetbridge/store/testing';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { beforeAll, describe, expect } from 'vitest';
import { KeySet, TeslaTokens } from '../jwt/index.js';
import { Access } from './access.js';
import { grantsCommand } from './grant.js';
import { type Scope, scopesOf } from './scopes.js';

const VIN = '5YJ3E1EA7KF000001';
const OTHER_VIN = '5YJ3E1EA7KF000002';
const BRIDGE_TOKEN = 'bridge-token-of-a-fleet';
const NOW_MS = Date.UTC(2026, 10, 1);
const ISSUER = 'https://fleet-auth.tesla.com/oauth2/v3/nts';
type Signer = Awaited<ReturnType<typeof signer>>;
let tesla: Signer;
let stranger: Signer;

beforeAll(async () => {
  [tesla, stranger] = await Promise.all([signer('k-1'), signer('k-1')]);
});

const it = redisIt.extend<{ openAccess: (options?: OpenOptions) => ReturnType<typeof createTestAccess> }>({
  openAccess: async ({ redis, namespace, cleanup }, use) => {
    await use((options = {}) => createTestAccess({ redis, namespace, cleanup }, options));
  },
});

describe('a token', () => {
  it('names its owner and is valid for its vehicle only', async ({ openAccess }) => {
    const { access, connect, tokens } = await openAccess();
    const own = await tokens.create({ vin: VIN, label: '', nowMs: 1 });
    const client = connect('192.0.2.1');
    expect(await client.authorize(BRIDGE_TOKEN, VIN)).toEqual({ verdict: 'granted', principal: 'bridge' });
    expect(await client.authorize(own.token, VIN)).toEqual({ verdict: 'granted', principal: `token:${own.grant.id}` });
    expect(await client.authorize(own.token, OTHER_VIN)).toEqual({ verdict: 'refused', principal: '' });
    expect(client.granted).toBeUndefined();
    expect(await client.verdict(undefined, VIN)).toBe('refused');
    expect(access.refusals).toEqual({ other_vehicle: 1, no_token: 1 });
  });

  it('decides when it was presented last, whichever check ends first', async ({ openAccess }) => {
    const { connect, tokens } = await openAccess();
    const own = await tokens.create({ vin: VIN, label: '', nowMs: 1 });
    const client = connect('192.0.2.1');
    // the first one is looked up in Redis, the other one is not
    await Promise.all([client.authorize('wrong', VIN), client.authorize(BRIDGE_TOKEN, VIN)]);
    expect(client.granted).toEqual({ principal: 'bridge', vin: '*', scopes: ['stream', 'read'] });
    await Promise.all([client.authorize(own.token, OTHER_VIN), client.authorize(BRIDGE_TOKEN, VIN)]);
    expect(client.granted).toEqual({ principal: 'bridge', vin: '*', scopes: ['stream', 'read'] });
  });

  it('is not needed with AUTH=none', async ({ openAccess }) => {
    const { connect } = await openAccess({ isRequired: false });
    expect(await connect('').authorize(undefined, VIN)).toEqual({ verdict: 'granted', principal: 'open' });
  });

  it('is neither accepted nor refused before the log has been read', async ({ openAccess }) => {
    let isReady = false;
    const { connect } = await openAccess({ isReady: () => isReady });
    expect(await connect('').verdict('wrong', VIN)).toBe('unknown');
    isReady = true;
    expect(await connect('').verdict(BRIDGE_TOKEN, VIN)).toBe('granted');
  });
});

describe('a right token', () => {
  it('is accepted after any number of wrong ones from its address', async ({ openAccess }) => {
    const { access, connect, tokens, lines } = await openAccess({ teslaAccounts: ['owner-1'] });
    const own = await tokens.create({ vin: VIN, label: '', nowMs: 1 });
    const signed = await tesla.sign({ sub: 'owner-1' });
    const client = connect('192.0.2.1');
    expect(await client.verdict(signed, VIN)).toBe('granted');
    const wrong = Array.from({ length: 1_000 }, (_, n) => client.verdict(`wrong-${n}`, VIN));
    expect(new Set(await Promise.all(wrong))).toEqual(new Set(['refused']));
    for (const token of [BRIDGE_TOKEN, own.token, signed]) expect(await client.verdict(token, VIN)).toBe('granted');
    expect(access.refusals).toEqual({ unknown_token: 1_000 });
    expect(lines).toEqual([
      { event: 'token_refused', address: '192.0.2.1', reason: 'unknown_token', remedy: 'docs/teslamate.md' },
    ]);
  });

  it('of Tesla is accepted during a flood of forged ones if it was valid before, else later', async ({
    openAccess,
  }) => {
    const { access, connect, clock } = await openAccess({ teslaAccounts: ['owner-1', 'owner-2'] });
    const client = connect('192.0.2.1');
    const known = await tesla.sign({ sub: 'owner-1' });
    expect(await client.verdict(known, VIN)).toBe('granted');
    const forged = await Promise.all(
      Array.from({ length: 60 }, (_, n) => stranger.sign({ sub: 'owner-1', expiresMs: NOW_MS + n * 1_000 + 9e6 })),
    );
    const verdicts = await Promise.all(forged.map((token) => client.verdict(token, VIN)));
    // unchecked: neither granted nor refused
    expect(verdicts.filter((verdict) => verdict === 'unknown').length).toBe(40);
    expect(access.refusals).toEqual({ tesla_not_genuine: 20 });
    const fresh = await tesla.sign({ sub: 'owner-2' });
    expect(await client.verdict(known, VIN)).toBe('granted');
    expect(await client.verdict(fresh, VIN)).toBe('unknown');
    expect(await connect('192.0.2.2').verdict(fresh, VIN)).toBe('granted');
    clock.nowMs += 200;
    expect(await client.verdict(fresh, VIN)).toBe('granted');
    clock.nowMs += 9 * 3_600_000;
    expect(await client.verdict(known, VIN)).toBe('refused');
  });

  it('of another vehicle leaves a log line with the VIN', async ({ openAccess }) => {
    const { connect, tokens, lines } = await openAccess();
    const { token } = await tokens.create({ vin: VIN, label: '', nowMs: 1 });
    await connect('192.0.2.1').verdict(token, OTHER_VIN);
    expect(lines).toEqual([expect.objectContaining({ reason: 'other_vehicle', vin: OTHER_VIN })]);
  });
});

describe('with a BRIDGE_TOKEN of fewer than 20 characters, failures', () => {
  const short = { bridgeToken: 'bridge-token' };

  it('of one address are limited: BRIDGE_TOKEN is refused, a stored token and other addresses are not', async ({
    openAccess,
  }) => {
    const { access, connect, tokens } = await openAccess(short);
    const own = await tokens.create({ vin: VIN, label: '', nowMs: 1 });
    const wrong = Array.from({ length: 1_000 }, (_, n) => connect('192.0.2.1').verdict(`wrong-${n}`, VIN));
    expect(new Set(await Promise.all(wrong))).toEqual(new Set(['refused']));
    expect(access.refusals).toEqual({ unknown_token: 20, address_limited: 980 });
    expect(await connect('192.0.2.1').verdict('bridge-token', VIN)).toBe('refused');
    expect(await connect('192.0.2.1').verdict(own.token, VIN)).toBe('granted');
    expect(await connect('192.0.2.2').verdict('bridge-token', VIN)).toBe('granted');
  });

  it('are forgiven with time', async ({ openAccess }) => {
    const { connect, clock } = await openAccess(short);
    for (let n = 0; n < 21; n++) await connect('192.0.2.1').verdict('wrong', VIN);
    expect(await connect('192.0.2.1').verdict('bridge-token', VIN)).toBe('refused');
    clock.nowMs += 4_000;
    expect(await connect('192.0.2.1').verdict('bridge-token', VIN)).toBe('granted');
  });

  it('of an IPv6 network count together', async ({ openAccess }) => {
    const { connect } = await openAccess(short);
    for (let n = 0; n < 20; n++) await connect(`2001:db8::1:${n}`).verdict('wrong', VIN);
    expect(await connect('2001:db8:0:0:ffff::1').verdict('bridge-token', VIN)).toBe('refused');
    expect(await connect('2001:db8:0:1::1').verdict('bridge-token', VIN)).toBe('granted');
  });

  it('do not include valid tokens, nor valid tokens of another vehicle', async ({ openAccess }) => {
    const { connect, tokens } = await openAccess(short);
    const { token } = await tokens.create({ vin: VIN, label: '', nowMs: 1 });
    for (let n = 0; n < 30; n++) {
      await connect('192.0.2.1').verdict(token, VIN);
      await connect('192.0.2.1').verdict(token, OTHER_VIN);
    }
    expect(await connect('192.0.2.1').verdict('bridge-token', VIN)).toBe('granted');
  });
});

describe('scopes', () => {
  it('of a token without a list are `stream` and `read`, also of BRIDGE_TOKEN and of trusted accounts', async ({
    openAccess,
  }) => {
    const { access, tokens } = await openAccess({ teslaAccounts: ['owner-1'] });
    const own = await tokens.create({ vin: VIN, label: '', nowMs: 1 });
    for (const token of [own.token, BRIDGE_TOKEN, await tesla.sign({ sub: 'owner-1' })]) {
      for (const scope of ['stream', 'read'] as const) {
        expect(await access.client('', scope).identify(token)).toMatchObject({ scopes: ['stream', 'read'] });
      }
      for (const scope of ['command', 'admin'] as const) {
        expect(await access.client('', scope).identify(token)).toBe('refused');
      }
    }
    expect(access.refusals).toEqual({ missing_scope: 6 });
  });

  it.for([
    [['read'], ['read']],
    [
      ['command', 'admin'],
      ['command', 'admin'],
    ],
    [['read', 'fly'], ['read']],
    [['fly'], []],
    ['*', []],
  ] as const)('of a stored list %j are %j', async ([storedScopes, allowed], { openAccess }) => {
    const { access, tokens } = await openAccess({ storedScopes });
    const { token } = await tokens.create({ vin: VIN, label: '', nowMs: 1 });
    const granted: Scope[] = [];
    for (const scope of ['stream', 'read', 'command', 'admin'] as const) {
      if ((await access.client('192.0.2.1', scope).identify(token)) !== 'refused') granted.push(scope);
    }
    expect(granted).toEqual(allowed);
  });

  it.for([
    [['door_lock'], ['door_lock']],
    [undefined, ['door_lock', 'door_unlock']],
    [[], []],
    ['door_lock', []],
  ] as const)('with the commands %j cover %j', async ([commands, allowed], { openAccess }) => {
    const { access, tokens } = await openAccess({});
    const limits = { scopes: ['command'], ...(commands && { commands: commands as unknown as string[] }) };
    const { token } = await tokens.create({ vin: VIN, label: '', nowMs: 1, ...limits });
    const grant = await access.client('', 'any').identify(token);
    if (typeof grant === 'string') throw new Error(grant);
    expect(['door_lock', 'door_unlock'].filter((name) => grantsCommand(grant, name))).toEqual(allowed);
    const reader = await access.client('', 'any').identify(BRIDGE_TOKEN);
    expect(typeof reader !== 'string' && grantsCommand(reader, 'door_lock')).toBe(false);
  });

  it('are not granted by AUTH=none beyond `stream` and `read`', async ({ openAccess }) => {
    const { access } = await openAccess({ isRequired: false });
    expect(await access.client('', 'read').identify(undefined)).toMatchObject({ principal: 'open' });
    expect(await access.client('', 'admin').identify(undefined)).toBe('refused');
  });
});

describe('the revocation check', () => {
  it('rejects a grant whose token was revoked, and one that lost a scope', async ({ openAccess }) => {
    const { access, tokens } = await openAccess();
    const own = await tokens.create({ vin: VIN, label: '', nowMs: 1 });
    const grant = { principal: `token:${own.grant.id}`, vin: VIN, scopes: scopesOf(undefined) };
    expect((await access.revocationCheck())?.(grant)).toBe(true);
    expect((await access.revocationCheck())?.({ ...grant, scopes: ['command'] })).toBe(false);
    expect((await access.revocationCheck())?.({ ...grant, vin: '*' })).toBe(false);
    await tokens.revoke(own.grant.id);
    expect((await access.revocationCheck())?.(grant)).toBe(false);
  });

  it('never rejects BRIDGE_TOKEN and configured accounts', async ({ openAccess }) => {
    const { access } = await openAccess({ teslaAccounts: ['owner-1'] });
    const isValid = (await access.revocationCheck())!;
    for (const principal of ['bridge', 'open', 'tesla:owner-1']) {
      expect(isValid({ principal, vin: '*', scopes: ['stream', 'read'] })).toBe(true);
    }
    expect(isValid({ principal: 'tesla:owner-2', vin: '*', scopes: ['stream'] })).toBe(false);
  });
});

describe("Tesla's token", () => {
  it('is accepted when its account is in TESLA_ACCOUNTS', async ({ openAccess }) => {
    const { access, connect } = await openAccess({ teslaAccounts: ['owner-1'] });
    const token = await tesla.sign({ sub: 'owner-1' });
    expect(await connect('').authorize(`Bearer ${token}`, VIN)).toEqual({
      verdict: 'granted',
      principal: 'tesla:owner-1',
    });
    expect(await connect('').verdict(await tesla.sign({ sub: 'owner-2' }), VIN)).toBe('refused');
    expect(access.refusals).toEqual({ tesla_unknown_account: 1 });
  });

  it('is valid for the vehicle that its account was trusted for', async ({ openAccess }) => {
    const { connect, tokens } = await openAccess();
    await tokens.trust({ account: 'owner-3', vin: VIN, label: '', nowMs: 1 });
    const token = await tesla.sign({ sub: 'owner-3' });
    expect((await connect('').authorize(token, VIN)).principal).toBe('tesla:owner-3');
    expect(await connect('').verdict(token, OTHER_VIN)).toBe('refused');
  });

  it.for(teslaIssuers)('may come from %s', async (issuer, { openAccess }) => {
    const { connect } = await openAccess({ teslaAccounts: ['owner-1'] });
    expect(await connect('').verdict(await tesla.sign({ sub: 'owner-1', issuer }), VIN)).toBe('granted');
  });

  it.for([
    ['has expired', 'tesla_expired', () => tesla.sign({ sub: 'owner-1', expiresMs: NOW_MS - 120_000 })],
    ['is signed with another key', 'tesla_not_genuine', () => stranger.sign({ sub: 'owner-1' })],
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
  ] as const)('is refused when it %s', async ([, reason, make], { openAccess }) => {
    const { access, connect } = await openAccess({ teslaAccounts: ['owner-1'] });
    expect(await connect('').verdict(await make(), VIN)).toBe('refused');
    expect(access.refusals).toEqual({ [reason]: 1 });
  });

  it('is verified with cached keys, which are fetched again for an unknown key id', async ({ openAccess }) => {
    const { connect, published, clock } = await openAccess({ teslaAccounts: ['owner-1'] });
    const token = await tesla.sign({ sub: 'owner-1' });
    for (let n = 0; n < 5; n++) expect(await connect('').verdict(token, VIN)).toBe('granted');
    expect(published.requests).toBe(1);
    const next = await signer('k-2');
    published.keys = [...published.keys, ...(await next.keys()).keys];
    clock.nowMs += 31_000;
    expect(await connect('').verdict(await next.sign({ sub: 'owner-1' }), VIN)).toBe('granted');
    expect(published.requests).toBe(2);
  });

  it('is verified with the old keys while a reload fails, and is not refused without any keys', async ({
    openAccess,
  }) => {
    const { access, connect, published, clock, failedLoads } = await openAccess({ teslaAccounts: ['owner-1'] });
    const token = await tesla.sign({ sub: 'owner-1', expiresMs: NOW_MS + 9e7 });
    published.isDown = true;
    expect(await connect('').verdict(token, VIN)).toBe('unknown');
    published.isDown = false;
    clock.nowMs += 31_000;
    expect(await connect('').verdict(token, VIN)).toBe('granted');
    published.isDown = true;
    clock.nowMs += 3_700_000;
    expect(await connect('').verdict(token, VIN)).toBe('granted');
    expect(access.refusals).toEqual({});
    expect(failedLoads).toEqual(['key_set_load_failed', 'key_set_load_failed']);
  });

  it('is verified with keys from a file', async ({ openAccess, cleanup }) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'keys-'));
    cleanup.push(() => rmSync(folder, { recursive: true }));
    const source = path.join(folder, 'keys.json');
    writeFileSync(source, JSON.stringify(await tesla.keys()));
    const { connect } = await openAccess({ teslaAccounts: ['owner-1'], source });
    expect(await connect('').verdict(await tesla.sign({ sub: 'owner-1' }), VIN)).toBe('granted');
  });
});

interface OpenOptions {
  bridgeToken?: string;
  isRequired?: boolean;
  isReady?: () => boolean;
  teslaAccounts?: string[];
  /** Of Tesla's keys. */
  source?: string;
  /** `scopes` of every stored grant. */
  storedScopes?: unknown;
}

async function createTestAccess(
  { redis, namespace, cleanup }: Pick<RedisTestContext, 'redis' | 'namespace' | 'cleanup'>,
  { source, storedScopes, ...options }: OpenOptions,
) {
  const tokens = new TokenStore({ redis, namespace });
  const clock = { nowMs: NOW_MS };
  const now = () => clock.nowMs;
  const published = await publish((await tesla.keys()).keys, cleanup);
  const failedLoads: string[] = [];
  const log = { warn: (_: object, event: string) => void failedLoads.push(event) };
  const keys = new KeySet({ source: source ?? published.url, now, log });
  const withScopes = <T extends object>(grant: T) =>
    storedScopes === undefined ? grant : { ...grant, scopes: storedScopes as string[] };
  const lines: object[] = [];
  const access = new Access({
    isRequired: true,
    bridgeToken: BRIDGE_TOKEN,
    log: { warn: (fields, event) => void lines.push({ event, ...fields }) },
    tokens: {
      grantOf: async (token) => {
        const grant = await tokens.grantOf(token);
        return grant && withScopes(grant);
      },
      grantOfAccount: (account) => tokens.grantOfAccount(account),
      list: async () => (await tokens.list()).map(withScopes),
    },
    teslaTokens: new TeslaTokens({ keys, issuers: teslaIssuers, now }),
    now,
    monotonicNow: now,
    ...options,
  });
  const connect = (address: string, scope: Scope = 'stream') => {
    const client = access.client(address, scope);
    const verdict = async (token: string | undefined, vin: string) => (await client.authorize(token, vin)).verdict;
    return Object.assign(client, { verdict });
  };
  return { access, connect, tokens, clock, published, failedLoads, lines };
}

async function publish(keys: object[], cleanup: RedisTestContext['cleanup']) {
  const published = { keys, requests: 0, isDown: false, url: '' };
  const server = createServer((_request, response) => {
    published.requests++;
    response.statusCode = published.isDown ? 503 : 200;
    response.end(JSON.stringify({ keys: published.keys }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanup.push(() => {
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

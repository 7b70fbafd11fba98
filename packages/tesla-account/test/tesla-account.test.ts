// The account's tokens with a real Redis, a real HTTPS server in the place of Tesla, and processes that are killed.
import { execFile } from 'node:child_process';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createFleetApi, type FleetApi, systemClock } from '@fleetbridge/fleet-api';
import { acquireLease, type Store, TeslaAccountStore } from '@fleetbridge/store';
import { it as redisIt } from '@fleetbridge/store/testing';
import { describe, expect } from 'vitest';
import { createTeslaAccount, type TeslaAccount } from '../src/index.js';
import { startTeslaServer, type TeslaServer } from './tesla-server.js';

interface Context {
  tesla: TeslaServer;
  fleet: FleetApi;
  /** May be set forward. */
  time: { aheadMs: number };
  account: TeslaAccount;
  /** As another process has it. */
  open(options?: { store?: Store; owner?: string; fleet?: Pick<FleetApi, 'refresh'> }): TeslaAccount;
  child(mode?: 'die'): Promise<{ stdout: string }>;
}

const it = redisIt.extend<Context>({
  tesla: async ({ task: _task }, use) => {
    const server = await startTeslaServer();
    await use(server);
    await server.stop();
  },
  fleet: async ({ tesla }, use) => {
    const { url } = tesla.server;
    await use(createFleetApi({ clock: systemClock, random: () => 0, ca: tesla.ca, apiUrl: url, authUrl: url }));
  },
  time: async ({ task: _task }, use) => {
    await use({ aheadMs: 0 });
  },
  open: async ({ tesla, store, fleet, time }, use) => {
    const clock = { ...systemClock, nowMs: () => Date.now() + time.aheadMs };
    let opened = 0;
    await use((options = {}) => {
      opened += 1;
      return createTeslaAccount({
        store,
        directory: tesla.directory,
        fleet,
        clock,
        owner: `test-${opened}`,
        ...options,
      });
    });
  },
  account: async ({ open }, use) => {
    const account = open();
    await account.signIn(SIGNED_IN, { clientId: 'client' });
    await use(account);
  },
  child: async ({ tesla, namespace, redisServer }, use) => {
    const script = new URL('refresh.mjs', import.meta.url).pathname;
    const { server, caFile, directory } = tesla;
    await use((mode) =>
      run(process.execPath, [
        script,
        redisServer.url,
        namespace,
        server.url,
        caFile,
        directory,
        ...(mode ? [mode] : []),
      ]),
    );
  },
});

const run = promisify(execFile);
const SIGNED_IN = { accessToken: 'access-0', refreshToken: 'refresh-0', expiresInSeconds: 28_800 };
const EXPIRED = { ...SIGNED_IN, expiresInSeconds: 1 };
const EIGHT_HOURS_MS = 28_800_000;

describe('an access token', () => {
  it('is the stored one until five minutes before its end', async ({ account, tesla, time }) => {
    expect(await account.accessToken()).toBe('access-0');
    expect(tesla.server.requests).toHaveLength(0);
    time.aheadMs = EIGHT_HOURS_MS - 299_000;
    expect(await account.accessToken()).toBe('access-1');
    expect(await account.accessToken()).toBe('access-1');
    expect(tesla.server.requests).toHaveLength(1);
  });

  it('is replaced after Tesla has rejected it, once', async ({ account, open, tesla }) => {
    expect(await account.accessToken('access-0')).toBe('access-1');
    expect(await open().accessToken('access-0')).toBe('access-1');
    expect(tesla.server.requests).toHaveLength(1);
  });

  it('is still used when Tesla is away and it has not ended', async ({ account, tesla, time }) => {
    tesla.faults.push('fail', 'fail');
    time.aheadMs = EIGHT_HOURS_MS - 299_000;
    expect(await account.accessToken()).toBe('access-0');
    tesla.faults.push('fail', 'fail');
    time.aheadMs = EIGHT_HOURS_MS + 1;
    await expect(account.accessToken()).rejects.toMatchObject({ problem: 'tesla_failed' });
    expect(await account.accessToken()).toBe('access-1');
  });

  it('is refreshed once by callers at the same time, in one process and in several', async ({
    account,
    open,
    tesla,
    child,
  }) => {
    await account.signIn(EXPIRED, { clientId: 'client' });
    const here = [account, account, open(), open()].map((each) => each.accessToken());
    const there = [child(), child()].map(async (each) => (await each).stdout);
    expect(new Set(await Promise.all([...here, ...there]))).toEqual(new Set(['access-1']));
    expect(tesla.server.requests).toHaveLength(1);
  });

  it('is used only after the new refresh token is stored', async ({ account, open, fleet, store }) => {
    await account.signIn(EXPIRED, { clientId: 'client' });
    const during: TeslaAccount = open({
      fleet: {
        async refresh(request) {
          const answer = await fleet.refresh(request);
          // a sign-in at the same moment wins: its tokens stay
          await account.signIn({ ...SIGNED_IN, accessToken: 'newer' }, { clientId: 'client' });
          return answer;
        },
      },
    });
    expect(await during.accessToken()).toBe('newer');
    expect((await new TeslaAccountStore(store).read()).version).toBe(3);
  });
});

describe('a refresh', () => {
  it('whose answer was lost is repeated once with the same token', async ({ account, tesla, time }) => {
    tesla.faults.push('lose');
    time.aheadMs = EIGHT_HOURS_MS;
    expect(await account.accessToken()).toBe('access-2');
    expect(tesla.server.requests).toHaveLength(2);
  });

  it('whose process was killed between the answer and the store is repeated with the old token', async ({
    account,
    tesla,
    child,
  }) => {
    await account.signIn(EXPIRED, { clientId: 'client' });
    await expect(child('die')).rejects.toMatchObject({ signal: 'SIGKILL' });
    expect(tesla.refreshTokens).toEqual({ current: 'refresh-1', used: 'refresh-0' });
    expect(await account.accessToken()).toBe('access-2');
    expect(tesla.server.requests).toHaveLength(2);
  });

  it('that Tesla refuses requires a sign-in, and Tesla is not asked again', async ({ account, tesla, open, child }) => {
    tesla.keepsUsedToken = false;
    await account.signIn(EXPIRED, { clientId: 'client' });
    await expect(child('die')).rejects.toMatchObject({ signal: 'SIGKILL' });
    const required = { problem: 'login_required', remedy: expect.stringContaining('Sign in') };
    await expect(account.accessToken()).rejects.toMatchObject(required);
    await expect(open().accessToken()).rejects.toMatchObject(required);
    expect(tesla.server.requests).toHaveLength(2);
    expect(await account.state()).toMatchObject({ kind: 'sign_in_required', clientId: 'client' });
    await account.signIn(SIGNED_IN, { clientId: 'client' });
    expect(await account.accessToken()).toBe('access-0');
  });

  it('uses the token before when the stored one was replaced at Tesla', async ({ account, tesla, time }) => {
    time.aheadMs = EIGHT_HOURS_MS;
    await account.accessToken();
    // a process that was suspended has refreshed with refresh-0 after the lease had expired
    tesla.refreshTokens = { current: 'refresh-of-suspended', used: 'refresh-0' };
    time.aheadMs = 2 * EIGHT_HOURS_MS;
    expect(await account.accessToken()).toBe('access-2');
  });

  it('waits for another process that has the lease, at most until the lease expires', async ({
    account,
    store,
    tesla,
  }) => {
    await account.signIn(EXPIRED, { clientId: 'client' });
    await acquireLease(store, { partition: 0, name: 'tesla-refresh', owner: 'dead', leaseMs: 300 });
    expect(await account.accessToken()).toBe('access-1');
    expect(tesla.server.requests).toHaveLength(1);
  });
});

describe('the stored tokens', () => {
  it('are not readable in Redis, and their key only by its owner', async ({ account, redis, namespace, tesla }) => {
    await account.accessToken('access-0');
    const values = await redis.hgetall(`${namespace}:{0}:tesla-account`);
    expect(JSON.stringify(values)).not.toMatch(/refresh-|access-|client/);
    const key = readFileSync(join(tesla.directory, 'encryption-key'), 'utf8').trim();
    const decoded = Buffer.from(values.tokens!.slice(3), 'base64url').toString('latin1');
    expect(decoded).not.toMatch(/refresh-|access-|client/);
    expect(JSON.stringify(values)).not.toContain(key);
    expect(statSync(join(tesla.directory, 'encryption-key')).mode & 0o777).toBe(0o600);
    expect(statSync(tesla.directory).mode & 0o777).toBe(0o700);
  });

  it('that can not be decrypted have a typed error, and a new sign-in replaces them', async ({
    account,
    tesla,
    store,
  }) => {
    const file = join(tesla.directory, 'encryption-key');
    const key = readFileSync(file, 'utf8');
    const problems = async () => (await account.accessToken().catch((error) => error.problem)) as string;
    rmSync(file);
    expect(await problems()).toBe('encryption_key_missing');
    writeFileSync(file, `${'0'.repeat(64)}\n`);
    expect(await problems()).toBe('secret_not_readable');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    writeFileSync(file, 'half');
    expect(await problems()).toBe('encryption_key_not_valid');
    writeFileSync(file, key);
    expect(await account.accessToken()).toBe('access-0');

    const stored = new TeslaAccountStore(store);
    const { version, tokens = '' } = await stored.read();
    await stored.replaceTokens({ version, tokens: `${tokens.slice(0, -2)}AA` });
    expect(await problems()).toBe('secret_not_readable');
    rmSync(file);
    await account.signIn(SIGNED_IN, { clientId: 'client' });
    expect(await account.accessToken()).toBe('access-0');
  });
});

it('without a sign-in there is no token', async ({ open, account }) => {
  expect(await account.state()).toMatchObject({ kind: 'signed_in', scopes: undefined });
  await account.signOut();
  await expect(open().accessToken()).rejects.toMatchObject({ problem: 'not_signed_in' });
  expect(await open().state()).toEqual({ kind: 'signed_out' });
});

it('knows the scopes that Tesla names beside an opaque token, also after a refresh that does not', async ({
  account,
  time,
}) => {
  const scopes = ['openid', 'vehicle_location'];
  await account.signIn({ ...SIGNED_IN, scopes }, { clientId: 'client' });
  expect(await account.state()).toMatchObject({ kind: 'signed_in', scopes });
  time.aheadMs = 8 * 3_600_000;
  expect(await account.accessToken()).toBe('access-1');
  expect(await account.state()).toMatchObject({ kind: 'signed_in', scopes });
});

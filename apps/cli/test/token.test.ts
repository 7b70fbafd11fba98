// The token commands of the build against a real Redis.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { connectRedis, type RedisConnection, TokenStore, whenReady } from '@fleetbridge/store';
import { type DisposableRedis, startRedis } from '@fleetbridge/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const VIN = '5YJ3E1EA7KF000001';
let redisServer: DisposableRedis;
let redis: RedisConnection;
let tokens: TokenStore;

beforeAll(async () => {
  redisServer = await startRedis();
  redis = connectRedis({ url: redisServer.url, name: 'test' });
  await whenReady(redis, 5_000);
  tokens = new TokenStore({ redis, namespace: 'telemetry' });
});
afterAll(async () => {
  redis.disconnect();
  await redisServer.stop();
});

it('a token that was made is listed by its id, works until it is revoked, and is never shown again', async () => {
  const [made = '', facts = ''] = token('create', '--vin', VIN.toLowerCase(), '--label', 'garage').stdout.split('\n');
  const id = /^id ([0-9a-f]{8}), /.exec(facts)?.[1] ?? '';
  expect(await tokens.grantOf(made)).toMatchObject({ id, vin: VIN, label: 'garage' });
  const { stdout } = token('list');
  expect(stdout).toMatch(new RegExp(`^${id} {2}${VIN} .* garage$`, 'm'));
  expect(stdout).not.toContain(made);
  expect(token('revoke', id)).toMatchObject({ status: 0, stdout: `revoked ${id}\n` });
  expect(await tokens.grantOf(made)).toBeUndefined();
  expect(token('revoke', id).status).toBe(1);
});

it("an account of Tesla's is trusted by one of its tokens, which is not kept, and can be forgotten again", async () => {
  const jwt = tokenOf({ iss: 'https://fleet-auth.tesla.com/oauth2/v3/nts', sub: 'owner-1' });
  expect(token('trust', jwt).stdout).toContain('tokens of the Tesla account owner-1 are accepted');
  const grant = await tokens.grantOfAccount('owner-1');
  expect(grant).toMatchObject({ vin: '*', account: 'owner-1' });
  expect(token('trust', '-', '--vin', VIN, { input: `${jwt}\n` }).status).toBe(0);
  expect(await tokens.grantOfAccount('owner-1')).toMatchObject({ id: grant?.id, vin: VIN });
  expect(token('list').stdout).toContain('Tesla account owner-1');
  expect(JSON.stringify(await redis.hgetall('telemetry:tokens'))).not.toContain(jwt.split('.')[2]);
  expect(token('revoke', grant?.id ?? '').status).toBe(0);
  expect(await tokens.grantOfAccount('owner-1')).toBeUndefined();
});

it.each([
  ['no token at all', 'abc', 'expected an access token of Tesla'],
  ["somebody else's", tokenOf({ iss: 'https://tesla.com.example/', sub: 'x' }), 'does not come from Tesla'],
  ['one without an account', tokenOf({ iss: 'https://auth.tesla.com/oauth2/v3' }), 'names no account'],
])('%s is not trusted', (_, jwt, problem) => {
  const { status, stderr } = token('trust', jwt);
  expect(status).toBe(2);
  expect(stderr).toContain(problem);
});

function token(...args: (string | { input: string })[]) {
  const input = args.find((one) => typeof one !== 'string')?.input;
  const { PATH } = process.env;
  return spawnSync(process.execPath, [main, 'token', ...args.filter((one) => typeof one === 'string')], {
    env: { PATH, REDIS_URL: redisServer.url },
    encoding: 'utf8',
    ...(input === undefined ? {} : { input }),
  });
}

function tokenOf(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256' })}.${part(claims)}.c2lnbmF0dXJlLW9mLXRoaXMtdG9rZW4`;
}

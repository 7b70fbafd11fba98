// `fleetbridge token` of the build against a real Redis.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { TokenStore } from '@fleetbridge/store';
import { it } from '@fleetbridge/store/testing';
import { expect } from 'vitest';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const VIN = '5YJ3E1EA7KF000001';
it('lists a created token by its id without the token, and revokes it', async ({ redis, redisServer }) => {
  const tokens = new TokenStore({ redis, namespace: 'telemetry' });
  const token = (...args: string[]) => runToken(redisServer.url, args);
  const [created = '', facts = ''] = token('create', '--vin', VIN.toLowerCase(), '--label', 'garage').stdout.split(
    '\n',
  );
  const id = /^id ([0-9a-f]{8}), /.exec(facts)?.[1] ?? '';
  expect(await tokens.grantOf(created)).toMatchObject({ id, vin: VIN, label: 'garage' });
  const { stdout } = token('list');
  expect(stdout).toMatch(new RegExp(`^${id} {2}${VIN} .* garage$`, 'm'));
  expect(stdout).not.toContain(created);
  expect(stdout).toMatch(/^ID +VEHICLE +CREATED +LABEL\n/);
  expect(JSON.parse(token('list', '--json').stdout)).toMatchObject({ id, vin: VIN, label: 'garage', account: null });
  expect(token('revoke', id)).toMatchObject({ status: 0, stdout: `revoked ${id}\n` });
  expect(await tokens.grantOf(created)).toBeUndefined();
  expect(token('revoke', id).status).toBe(1);
});

it('creates tokens for vehicle commands by name, and refuses unknown scopes and commands', async ({
  redis,
  redisServer,
}) => {
  const tokens = new TokenStore({ redis, namespace: 'telemetry' });
  const token = (...args: string[]) => runToken(redisServer.url, ['create', '--vin', VIN, ...args]);
  const names = 'charge_start,charge_stop';
  const [created = '', facts] = token('--scope', 'command', '--commands', names).stdout.split('\n');
  expect(facts).toContain(`for ${VIN}, scopes command, commands charge_start charge_stop.`);
  expect(await tokens.grantOf(created)).toMatchObject({
    scopes: ['command'],
    commands: ['charge_start', 'charge_stop'],
  });
  for (const [args, problem] of [
    [['--scope', 'commands'], '--scope: unknown scope "commands"; expected some of stream, read, command, admin'],
    [['--scope', 'command', '--commands', 'open_sesame'], '--commands: unknown vehicle command "open_sesame"'],
    [['--commands', 'charge_start'], '--commands: the token needs --scope command'],
  ] as const) {
    const { status, stderr } = token(...args);
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining(problem) });
  }
});

it('trusts a Tesla account by one of its tokens without storing the token, and revokes the trust', async ({
  redis,
  redisServer,
}) => {
  const tokens = new TokenStore({ redis, namespace: 'telemetry' });
  const token = (...args: (string | { input: string })[]) => runToken(redisServer.url, args);
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
  ['a text that is not a token', 'abc', 'expected an access token from Tesla'],
  ['a token of another issuer', tokenOf({ iss: 'https://tesla.com.example/', sub: 'x' }), 'was not issued by Tesla'],
  ['a token without an account', tokenOf({ iss: 'https://auth.tesla.com/oauth2/v3' }), 'has no account id'],
])('rejects %s', (_, jwt, problem) => {
  const { status, stderr } = runToken('redis://127.0.0.1:1', ['trust', jwt]);
  expect(status).toBe(2);
  expect(stderr).toContain(problem);
});

function runToken(redisUrl: string, args: (string | { input: string })[]) {
  const input = args.find((arg) => typeof arg !== 'string')?.input;
  const { PATH } = process.env;
  return spawnSync(process.execPath, [main, 'token', ...args.filter((arg) => typeof arg === 'string')], {
    env: { PATH, REDIS_URL: redisUrl },
    encoding: 'utf8',
    ...(input === undefined ? {} : { input }),
  });
}

function tokenOf(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256' })}.${part(claims)}.c2lnbmF0dXJlLW9mLXRoaXMtdG9rZW4`;
}

// `fleetbridge command` of the build against a real Redis, and an HTTP server in place of the gateway.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { CommandAudit, openStore, TokenStore, whenReady } from '@fleetbridge/store';
import { it } from '@fleetbridge/store/testing';
import { expect } from 'vitest';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const VIN = '5YJ3E1EA7KF000001';

it('sends a command with a token for it alone, which is revoked afterwards', async ({
  redis,
  redisServer,
  cleanup,
}) => {
  const tokens = new TokenStore({ redis, namespace: 'telemetry' });
  const requests: unknown[] = [];
  const answers = [
    { status: 200, body: { response: { result: true, reason: '' } } },
    { status: 408, body: { response: null, error: 'vehicle unavailable: vehicle is offline or asleep' } },
  ];
  const gateway = createServer(async (request, response) => {
    const grant = await tokens.grantOf((request.headers.authorization ?? '').replace('Bearer ', ''));
    requests.push({ url: request.url, body: await text(request), grant });
    const { status, body } = answers.shift()!;
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(gateway, 'listening');
  cleanup.push(() => gateway.close());
  const url = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
  const run = (...args: string[]) => fleetbridge(redisServer.url, [...args, '--gateway', url]);
  expect(await run(VIN.toLowerCase(), 'set_charging_amps', 'charging_amps=16')).toMatchObject({
    status: 0,
    stdout: 'executed\n',
  });
  expect(await run(VIN, 'door_lock', '--wake')).toMatchObject({
    status: 1,
    stdout: '408: vehicle unavailable: vehicle is offline or asleep\n',
  });
  expect(requests).toMatchObject([
    {
      url: `/api/1/vehicles/${VIN}/command/set_charging_amps`,
      body: '{"charging_amps":16}',
      grant: { vin: VIN, scopes: ['command'], commands: ['set_charging_amps', 'wake_up'] },
    },
    { url: `/api/1/vehicles/${VIN}/command/door_lock?wake=true`, body: '{}' },
  ]);
  expect(await tokens.list()).toEqual([]);
});

it('lists commands, and those that were sent with the label of their token', async ({
  redis,
  redisServer,
  cleanup,
}) => {
  const { stdout } = await fleetbridge(redisServer.url, ['--list']);
  expect(stdout).toMatch(/^set_charging_amps +charging_amps\* +\w/m);
  const { grant } = await new TokenStore({ redis, namespace: 'telemetry' }).create({
    vin: VIN,
    label: 'wallbox',
    nowMs: 1,
  });
  const store = openStore({ url: redisServer.url, namespace: 'telemetry', partitions: 1, name: 'test' });
  cleanup.push(() => store.close());
  await whenReady(store.redis, 5_000);
  const audited = { vin: VIN, who: `token:${grant.id}`, command: 'charge_start', outcome: 'done', calls: 2 };
  const revoked = { ...audited, who: 'token:0123abcd', label: 'fleetbridge command', command: 'door_lock' };
  await new CommandAudit(store).add(audited);
  await new CommandAudit(store).add(revoked);
  const log = await fleetbridge(redisServer.url, ['log']);
  expect(log.stdout).toMatch(new RegExp(`Z +${VIN} +charge_start +done +2 +token:${grant.id} wallbox$`, 'm'));
  const json = await fleetbridge(redisServer.url, ['log', '--vin', VIN, '--json']);
  const entries = json.stdout.trim().split('\n');
  expect(entries.map((line) => JSON.parse(line))).toMatchObject([revoked, { ...audited, label: 'wallbox' }]);
});

it.each([
  [[VIN], 'expected: <VIN> <name>, --list, or log'],
  [[VIN, 'open_sesame'], 'unknown vehicle command "open_sesame"'],
  [[VIN, 'set_charging_amps', 'amps=16'], 'set_charging_amps has no parameter "amps"'],
  [[VIN, 'set_charging_amps', 'charging_amps=many'], 'charging_amps: expected a whole number, got "many"'],
  [['no VIN', 'door_lock'], 'expected a VIN, got "no VIN"'],
])('rejects %j', async (args, problem) => {
  const { status, stderr } = await fleetbridge('redis://127.0.0.1:1', args);
  expect(status).toBe(2);
  expect(stderr).toContain(problem);
});

async function fleetbridge(redisUrl: string, args: readonly string[]) {
  const child = spawn(process.execPath, [main, 'command', ...args], {
    env: { PATH: process.env.PATH, REDIS_URL: redisUrl },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { status: status as number, stdout, stderr };
}

// Texts that a vehicle, an account or a user brings to the terminal of the operator, with the build and a real Redis.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { encodeMessage, Field, timestampOf } from '@fleetbridge/protocol';
import { Store, TokenStore } from '@fleetbridge/store';
import { it } from '@fleetbridge/store/testing';
import { expect } from 'vitest';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const VIN = '5YJ3E1EA7KF000001';
const CLEARS_SCREEN = '\u001b[2J\u001b]0;title\u0007';
const C1 = '\u009b31m\u009d0;title\u009c';
const FORGES_LINE = 'x\n12:30:01.250  5YJ3E1EA7KF000009  V             Soc 1 %\r';
const REVERSED = '\u202egpj.exe\u2066\u200b';
const hostile = [CLEARS_SCREEN, C1, FORGES_LINE, REVERSED];
/** What a line may contain besides the end of the line. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

it('tail prints each record as one printable line, and as JSON with the same values', async ({
  redis,
  redisServer,
}) => {
  const store = new Store({ redis, url: redisServer.url, namespace: 'telemetry', partitions: 1 });
  const createdAt = timestampOf(1_784_000_000_250);
  const data = hostile.map((stringValue) => ({ key: Field.VehicleName, value: { stringValue } }));
  const alerts = hostile.map((name) => ({ name, startedAt: createdAt }));
  const errors = hostile.map((text) => ({ name: text, body: text, createdAt }));
  await add(store, 'V', encodeMessage('V', { data, createdAt, vin: VIN }));
  await add(store, 'alerts', encodeMessage('alerts', { alerts, createdAt, vin: VIN }));
  await add(store, 'errors', encodeMessage('errors', { errors, createdAt, vin: VIN }));

  const lines = fleetbridge(redisServer.url, ['tail', '--all', '--count', '3']);
  expect(lines).toHaveLength(3);
  for (const line of lines) expect(line).toMatch(new RegExp(`^\\d\\d:\\d\\d:\\d\\d\\.250 {2}${VIN} {2}`));
  const json = fleetbridge(redisServer.url, ['tail', '--all', '--count', '3', '--json']);
  const records = json.map((line) => JSON.parse(line).record);
  expect(records[1].alerts.map(({ name }: { name: string }) => name)).toEqual(hostile);
});

it('token prints the id of an account and a label printably', async ({ redis, redisServer }) => {
  const tokens = new TokenStore({ redis, namespace: 'telemetry' });
  await tokens.trust({ account: CLEARS_SCREEN, vin: '*', label: C1 + REVERSED, nowMs: 0 });
  const lines = fleetbridge(redisServer.url, ['token', 'list']);
  expect(lines).toHaveLength(2);
  expect(lines[1]).toContain('Tesla account \\u001b[2J');
});

it.each(hostile)('a mistake in the arguments is printable: %j', (text) => {
  const { stderr, status } = spawnSync(process.execPath, [main, text], { encoding: 'utf8' });
  expect(status).toBe(2);
  for (const line of stderr.split('\n')) expect(line).not.toMatch(UNPRINTABLE);
});

async function add(store: Store, topic: string, payload: Uint8Array): Promise<void> {
  const fields = ['vin', VIN, 'topic', topic, 'txid', 't', 'created', 1_784_000_000_250, 'received', 1_784_000_000_300];
  const { records } = store.keysOf(VIN);
  await store.redis.xadd(records, '*', ...fields, 'version', '', 'payload', Buffer.from(payload));
}

/** The lines on stdout, which contain printable characters only. */
function fleetbridge(redisUrl: string, args: string[]): string[] {
  const env = { PATH: process.env.PATH, REDIS_URL: redisUrl };
  const { stdout, stderr } = spawnSync(process.execPath, [main, ...args], { env, encoding: 'utf8' });
  expect(stderr).toBe('');
  const lines = stdout.split('\n').slice(0, -1);
  for (const line of lines) expect(line).not.toMatch(UNPRINTABLE);
  return lines;
}

// `fleetbridge tail` of the build against a real Redis.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { encodeMessage, Field, ShiftState, timestampOf } from '@fleetbridge/protocol';
import { Store } from '@fleetbridge/store';
import { it } from '@fleetbridge/store/testing';
import { eventually } from '@fleetbridge/testing';
import { expect } from 'vitest';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const VIN = '5YJ3E1EA7KF000001';

it('prints whole records where there is no terminal, and names on stderr what no record has', async ({
  redis,
  redisServer,
}) => {
  const store = new Store({ redis, url: redisServer.url, namespace: 'telemetry', partitions: 1 });
  await add(store, 1, 'x'.repeat(5_000));
  await redis.hset(store.keysOf(VIN).newest, VIN, '1');
  const child = tail(redisServer.url, [
    '--all',
    '--count',
    '1',
    '--vin',
    VIN.toLowerCase(),
    '--vin',
    'NOPE',
    '--topic',
    'V',
    '--topic',
    'Vv',
  ]);
  const [code] = await once(child.process, 'close');
  expect([code, child.stderr]).toEqual([
    0,
    [
      'no record of NOPE in the log yet; waiting (Ctrl-C ends)',
      'Vv is not one of the topics V, alerts, errors, connectivity; waiting (Ctrl-C ends)',
      '',
    ].join('\n'),
  ]);
  expect(child.stdout).toMatch(new RegExp(`^\\S+ {2}${VIN} {2}V +Gear P · VehicleName x{5000}\n$`));
});

it('ends without a message when its reader closes the pipe', async ({ redis, redisServer }) => {
  const store = new Store({ redis, url: redisServer.url, namespace: 'telemetry', partitions: 1 });
  await add(store, 500);
  const child = tail(redisServer.url, ['--all']);
  const closed = once(child.process, 'close');
  await eventually(() => child.stdout !== '');
  child.process.stdout.destroy();
  while (child.process.exitCode === null) await add(store, 20);
  expect([(await closed)[0], child.stderr]).toEqual([0, '']);
}, 30_000);

async function add(store: Store, count: number, name = 'car'): Promise<void> {
  const data = [
    { key: Field.Gear, value: { shiftStateValue: ShiftState.ShiftStateP } },
    { key: Field.VehicleName, value: { stringValue: name } },
  ];
  const payload = Buffer.from(encodeMessage('V', { data, createdAt: timestampOf(1_784_000_000_250), vin: VIN }));
  const fields = ['vin', VIN, 'topic', 'V', 'txid', 't', 'created', 1_784_000_000_250, 'received', 1_784_000_000_300];
  const { records } = store.keysOf(VIN);
  const added = Array.from({ length: count }, () =>
    store.redis.xadd(records, '*', ...fields, 'version', '', 'payload', payload),
  );
  await Promise.all(added);
}

function tail(redisUrl: string, args: string[]) {
  const env = { PATH: process.env.PATH, REDIS_URL: redisUrl };
  const child = spawn(process.execPath, [main, 'tail', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { process: child, stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  return output;
}

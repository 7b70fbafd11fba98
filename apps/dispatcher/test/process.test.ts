// The dispatcher as a process: its subscription file, metrics and exit.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectRedis, partitionKeys, whenReady } from '@fleetbridge/store';
import { it } from '@fleetbridge/store/testing';
import { eventually, startRedis } from '@fleetbridge/testing';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, expect } from 'vitest';
import { programPath, startMosquitto, startNats } from './broker.js';
import { disorder, dispatchRig } from './dispatch-rig.js';
import { startDispatcher } from './dispatcher-process.js';
import { socOf, startPushEndpoint } from './push-endpoint.js';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dispatcher-process-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

it('exits with code 2 and every mistake of its variables and its file', ({ redisServer }) => {
  const path = join(folder, 'wrong.yaml');
  writeFileSync(path, 'subscriptions: [{ name: a, push: { url: nowhere } }, { name: a, log: true, colour: red }]');
  const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
  const env = { PATH: process.env.PATH, REDIS_URL: redisServer.url, DISPATCHER_CONFIG: path, RETENTION_HOURS: 'week' };
  const { status, stderr } = spawnSync(process.execPath, [main], { env, encoding: 'utf8' });
  expect(status).toBe(2);
  for (const sentence of [
    'RETENTION_HOURS: expected a whole number',
    'subscriptions[0].push.url: expected a URL',
    'subscriptions[1].colour: unknown setting',
    'subscriptions[1].name: "a" is already the name',
  ]) {
    expect(stderr).toContain(sentence);
  }
});

it('drains on SIGHUP', async ({ redisServer, redis, cleanup }) => {
  const rig = dispatchRig(redis, { url: redisServer.url });
  cleanup.push(() => rig.dispose());
  const dispatcher = await startDispatcher({ REDIS_URL: redisServer.url, NAMESPACE: rig.namespace });
  cleanup.push(() => dispatcher.kill());
  expect(await dispatcher.stop('SIGHUP')).toBe(0);
  expect(dispatcher.lines.at(-1)).toContain('"outcome":"stopped"');
});

it('continues when the reader of stdout is gone, to which a log subscription delivers', async ({
  redisServer,
  redis,
  cleanup,
}) => {
  const endpoint = await startPushEndpoint();
  cleanup.push(() => endpoint.stop());
  const rig = dispatchRig(redis, { url: redisServer.url });
  cleanup.push(() => rig.dispose());
  await rig.subscribe({ name: 'lines', log: true });
  await rig.subscribe({ name: 'home', push: { url: endpoint.url } });
  const dispatcher = await startDispatcher({ REDIS_URL: redisServer.url, NAMESPACE: rig.namespace });
  cleanup.push(() => dispatcher.kill());
  await rig.add('VIN1', 0);
  await eventually(() => dispatcher.lines.some((line) => line.includes('"record_payload"')));
  dispatcher.closeStdout();
  await rig.add('VIN1', 1);
  await eventually(async () => (await dispatcher.metric('fleetbridge_log_lines_dropped_total')) > 0);
  await rig.add('VIN1', 2);
  await eventually(() => endpoint.pushes.length === 3);
  expect(await rig.isDone('lines')).toBe(false);
  expect(await dispatcher.stop()).toBe(0);
});

it('delivers the subscriptions of its file, applies changes, counts them, and stops cleanly', async ({
  redisServer,
  redis,
  cleanup,
}) => {
  const endpoint = await startPushEndpoint();
  cleanup.push(() => endpoint.stop());
  const rig = dispatchRig(redis, { url: redisServer.url });
  cleanup.push(() => rig.dispose());
  const path = join(folder, 'dispatcher.yaml');
  const define = (topics: string) =>
    writeFileSync(
      path,
      `subscriptions: [{ name: home, from: earliest, topics: [${topics}], push: { url: "${endpoint.url}" } }]`,
    );
  define('V');
  await rig.add('VIN1', 0);
  const env = { REDIS_URL: redisServer.url, NAMESPACE: rig.namespace, DISPATCHER_CONFIG: path };
  const dispatcher = await startDispatcher(env);
  cleanup.push(() => dispatcher.kill());
  await eventually(() => endpoint.pushes.length === 1);
  define('alerts');
  await eventually(() => dispatcher.lines.filter((line) => line.includes('subscription_lease_acquired')).length === 2);
  await rig.add('VIN1', 1);
  await eventually(() => rig.isDone('home'));
  expect(endpoint.pushes.map(socOf)).toEqual([{ vin: 'VIN1', n: 0 }]);
  await eventually(async () => (await dispatcher.metric('fleetbridge_subscription_passed_over_total')) === 1);
  expect(await dispatcher.metric('fleetbridge_subscription_delivered_total')).toBe(1);
  expect(await dispatcher.metric('fleetbridge_subscription_latency_seconds_count')).toBe(1);
  await eventually(async () => (await dispatcher.metric('fleetbridge_subscription_lag_records')) === 0);
  expect(await dispatcher.stop()).toBe(0);
  // the lease is released, so another process need not wait
  expect((await rig.store.control('home').lagOf(0)).holder).toBeUndefined();
});

it('trims a Redis that was full before it started', async ({ redisServer, redis, cleanup }) => {
  const rig = dispatchRig(redis, { url: redisServer.url });
  cleanup.push(() => rig.dispose());
  const env = { REDIS_URL: redisServer.url, NAMESPACE: rig.namespace, RETENTION_HOURS: '1' };
  const first = await startDispatcher(env);
  expect(await first.stop()).toBe(0);
  const { records } = partitionKeys(rig.namespace, 0);
  for (let n = 1; n <= 500; n++) await redis.xadd(records, `${n}-0`, 'vin', 'VIN1', 'payload', 'x');
  await redis.config('SET', 'maxmemory', '1');
  cleanup.push(() => redis.config('SET', 'maxmemory', '0'));
  const second = await startDispatcher(env);
  cleanup.push(() => second.kill());
  await eventually(async () => (await redis.xlen(records)) < 500);
});

it('delivers a new log from its beginning after Redis was emptied, and reports it', async ({ cleanup }) => {
  const server = await startRedis();
  cleanup.push(() => server.stop());
  const redis = connectRedis({ url: server.url, name: 'test' });
  cleanup.push(() => redis.disconnect());
  await whenReady(redis, 5_000);
  const endpoint = await startPushEndpoint();
  cleanup.push(() => endpoint.stop());
  const rig = dispatchRig(redis, { url: server.url, namespace: 'telemetry' });
  cleanup.push(() => rig.dispose());
  const path = join(folder, 'emptied.yaml');
  const lines = join(folder, 'emptied.jsonl');
  writeFileSync(
    path,
    `subscriptions: [{ name: push, push: { url: "${endpoint.url}" } }, { name: lines, log: { file: "${lines}" } }]`,
  );
  const dispatcher = await startDispatcher({ REDIS_URL: server.url, DISPATCHER_CONFIG: path });
  cleanup.push(() => dispatcher.kill());
  await eventually(() => dispatcher.lines.filter((line) => line.includes('subscription_lease_acquired')).length === 2);
  await rig.add('OLD', 0);
  const linesOf = () =>
    readFileSync(lines, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).vin);
  await eventually(() => endpoint.pushes.length === 1 && linesOf().length === 1);
  await redis.flushall();
  // before the dispatcher notices
  for (let n = 0; n < 5; n++) for (const vin of ['A', 'B']) await rig.add(vin, n);
  await eventually(() => endpoint.pushes.length === 11 && linesOf().length === 11);
  expect(disorder(endpoint.pushes.map(socOf))).toEqual([]);
  expect(linesOf().sort()).toEqual([...'AAAAABBBBB', 'OLD']);
  await eventually(() => dispatcher.lines.some((line) => line.includes('"log_restarted"')));
  expect(dispatcher.lines.filter((line) => line.includes('"log_replaced"'))).toHaveLength(1);
  expect(dispatcher.lines.join()).toContain('"subscriptions_restored"');
  expect(await dispatcher.ready()).toMatchObject({
    ready: true,
    checks: { log_identity: { ready: true, reason: 'log_replaced' } },
  });
  // the snapshots follow the new log
  await eventually(async () => (await redis.smembers(partitionKeys('telemetry', 0).vins)).sort().join() === 'A,B');
});

const mosquitto = programPath('mosquitto');
const natsServer = programPath('nats-server');

it.skipIf(mosquitto === undefined || natsServer === undefined)(
  'delivers a new log to brokers after Redis was emptied, though they know its older values',
  async ({ cleanup }) => {
    const server = await startRedis();
    cleanup.push(() => server.stop());
    const redis = connectRedis({ url: server.url, name: 'test' });
    cleanup.push(() => redis.disconnect());
    await whenReady(redis, 5_000);
    const [mqtt, nats] = await Promise.all([startMosquitto(mosquitto!), startNats(natsServer!)]);
    cleanup.push(
      () => mqtt.dispose(),
      () => nats.dispose(),
    );
    const listener = await connectAsync(`mqtt://127.0.0.1:${mqtt.port}`);
    cleanup.push(() => listener.end(true));
    const published: string[] = [];
    listener.on('message', (topic, bytes) => void published.push(`${topic.split('/')[1]} ${bytes}`));
    await listener.subscribeAsync('tesla/+/v/Soc', { qos: 1 });
    const reader = await connect({ servers: [`127.0.0.1:${nats.port}`] });
    cleanup.push(() => reader.close());
    const manager = await jetstreamManager(reader);
    const storedInNats = async () => (await manager.streams.info('telemetry')).state.messages;

    const rig = dispatchRig(redis, { url: server.url, namespace: 'telemetry' });
    cleanup.push(() => rig.dispose());
    const path = join(folder, 'emptied-brokers.yaml');
    const subscriptions = [
      { name: 'mqtt', mqtt: { url: `mqtt://127.0.0.1:${mqtt.port}`, base: 'tesla' } },
      { name: 'nats', nats: { servers: [`127.0.0.1:${nats.port}`], stream: 'telemetry' } },
    ];
    writeFileSync(path, JSON.stringify({ subscriptions }));
    const dispatcher = await startDispatcher({ REDIS_URL: server.url, DISPATCHER_CONFIG: path });
    cleanup.push(() => dispatcher.kill());
    await eventually(
      () => dispatcher.lines.filter((line) => line.includes('subscription_lease_acquired')).length === 2,
    );
    for (let n = 0; n < 4; n++) await rig.add('A', n);
    await eventually(async () => published.length === 4 && (await storedInNats()) === 4);
    await redis.flushall();
    // before the dispatcher notices; A has been published with other values
    for (let n = 0; n < 3; n++) for (const vin of ['A', 'B']) await rig.add(vin, n);
    await eventually(async () => published.at(-1) === 'B 2' && (await storedInNats()) === 10);
    expect(published.filter((line) => line.startsWith('B'))).toEqual(['B 0', 'B 1', 'B 2']);
    expect(published.filter((line) => line.startsWith('A')).at(-1)).toBe('A 2');
    expect(dispatcher.lines.filter((line) => line.includes('"log_replaced"'))).toHaveLength(1);
  },
  30_000,
);

// The delivery guarantee while processes die, hang and restart: first deliveries of a vehicle are in order, only delivered
// records repeat, and nothing is lost. A long test with real processes.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { encodeMessage, Field } from '@fleetbridge/protocol';
import { Appender, connectRedis, type RedisConnection, Store, SubscriptionStore, whenReady } from '@fleetbridge/store';
import { type DisposableRedis, eventually, freePort, startRedis } from '@fleetbridge/testing';
import { cleanupAfterEach } from '@fleetbridge/testing/cleanup';
import { describe, expect, it } from 'vitest';
import { type DispatcherProcess, startDispatcher } from './dispatcher-process.js';

const isLong = process.env.TEST_LONG !== undefined;
if (!isLong) console.log('skipped: two dispatchers under kill -9 and SIGSTOP (a long test: npm run test:long)');

const cleanUp = cleanupAfterEach();

describe.skipIf(!isLong)('two dispatchers, four partitions, a hundred vehicles at 2,000 records/s', () => {
  it('lose nothing and keep every vehicle in order through kill -9, a suspension past the lease, and a restart of Redis', {
    timeout: 240_000,
  }, async () => {
    const { redis, env, load, server, subscriptionsDone } = await parts();
    const endpoints = [await startEndpoint(), await startEndpoint({ slowMs: 3 })];
    env.DISPATCHER_CONFIG = configFile(
      endpoints.map(
        ({ url }, n) =>
          `{ name: e${n}, from: earliest, push: { url: "${url}" }, backOff: { minimumSeconds: 0.05, maximumSeconds: 1 } }`,
      ),
    );
    let first = await start(env);
    const second = await start(env);
    await eventually(async () => (await held(first)) > 0 && (await held(second)) > 0, 30_000);

    const sending = load.run({ vins: 100, perSecond: 2_000, seconds: 40 });
    await load.reached(10_000);
    await first.kill();
    await load.reached(16_000);
    first = await start(env);
    await load.reached(24_000);
    second.signal('SIGSTOP');
    await load.reached(45_000);
    second.signal('SIGCONT');
    await load.reached(55_000);
    await server.kill();
    await server.start();
    await whenReady(redis, 30_000);
    await sending;
    await eventually(subscriptionsDone, 120_000);

    for (const [n, { deliveries }] of endpoints.entries()) {
      const { missing, early, repeats } = evaluated(deliveries, load.sent);
      console.log(`e${n}: ${deliveries.length} deliveries of ${load.total} records, ${repeats} repeats`);
      expect({ missing, early }).toEqual({ missing: [], early: [] });
      // only the records in flight at a kill or suspension
      expect(repeats).toBeLessThan(load.total / 4);
    }
    expect(second.lines.some((line) => line.includes('subscription_lease_lost'))).toBe(true);
    expect([await first.stop(), await second.stop()]).toEqual([0, 0]);
  });

  it('wait for an endpoint that is away, in bounded memory, without dead letters', { timeout: 240_000 }, async () => {
    const { env, load, store, subscriptionsDone } = await parts();
    const port = await freePort();
    env.DISPATCHER_CONFIG = configFile([
      `{ name: e0, from: earliest, push: { url: "http://127.0.0.1:${port}/" }, backOff: { minimumSeconds: 0.05, maximumSeconds: 1 } }`,
    ]);
    const dispatcher = await start(env);
    await load.run({ vins: 100, perSecond: 2_000, seconds: 2 });
    await eventually(async () => (await dispatcher.metric('fleetbridge_subscription_suspended')) > 0, 30_000);
    const before = await dispatcher.metric('process_resident_memory_bytes');
    // an outage of ten minutes at 166 records/s
    await load.run({ vins: 100, perSecond: 10_000, seconds: 10 });
    const after = await dispatcher.metric('process_resident_memory_bytes');
    console.log(
      `memory while ${load.total} records wait: ${Math.round(before / 1e6)} MB, then ${Math.round(after / 1e6)} MB`,
    );
    expect(after - before).toBeLessThan(100_000_000);
    const endpoint = await startEndpoint({ port });
    await eventually(subscriptionsDone, 120_000);
    const { missing, early } = evaluated(endpoint.deliveries, load.sent);
    expect({ missing, early }).toEqual({ missing: [], early: [] });
    expect(await store.control('e0').deadLetters(1)).toEqual([]);
    expect(await dispatcher.stop()).toBe(0);
  });
});

interface Delivered {
  vin: string;
  n: number;
}

/** `sent`: the number of records per vehicle, numbered from 0. */
function evaluated(deliveries: readonly Delivered[], sent: ReadonlyMap<string, number>) {
  const highest = new Map<string, number>();
  const early: string[] = [];
  let repeats = 0;
  for (const { vin, n } of deliveries) {
    const next = highest.get(vin) ?? 0;
    if (n > next) early.push(`${vin}: ${n} where ${next} was next`);
    if (n < next) repeats++;
    if (n === next) highest.set(vin, next + 1);
  }
  const missing = [...sent].filter(([vin, count]) => highest.get(vin) !== count).map(([vin]) => vin);
  return { missing, early: early.slice(0, 5), repeats };
}

async function start(env: Record<string, string>): Promise<DispatcherProcess> {
  const dispatcher = await startDispatcher(env);
  cleanUp.push(async () => {
    dispatcher.signal('SIGCONT');
    await dispatcher.kill();
  });
  return dispatcher;
}

function held(dispatcher: DispatcherProcess): number {
  return dispatcher.lines.filter((line) => line.includes('subscription_lease_acquired')).length;
}

function configFile(subscriptions: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'two-dispatchers-'));
  cleanUp.push(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'dispatcher.yaml');
  writeFileSync(path, `subscriptions:\n${subscriptions.map((one) => `  - ${one}\n`).join('')}`);
  return path;
}

/** Records every delivery, with node's plain HTTP server because of the load. */
async function startEndpoint({
  port = 0,
  slowMs = 0,
} = {}): Promise<{ url: string; deliveries: Delivered[]; server: Server }> {
  const deliveries: Delivered[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { message } = JSON.parse(Buffer.concat(chunks).toString());
      deliveries.push({ vin: message.attributes.vin, n: Number(message.attributes.txid) });
      setTimeout(() => response.writeHead(204).end(), slowMs);
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  cleanUp.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, deliveries, server };
}

interface Load {
  total: number;
  /** By VIN. */
  sent: Map<string, number>;
  run(load: { vins: number; perSecond: number; seconds: number }): Promise<void>;
  /** Resolves when this number of records is in the log. */
  reached(records: number): Promise<unknown>;
}

async function parts() {
  const server: DisposableRedis = await startRedis();
  cleanUp.push(() => server.stop());
  const redis: RedisConnection = connectRedis({ url: server.url, name: 'test' });
  cleanUp.push(() => redis.disconnect());
  await whenReady(redis, 5_000);
  const logStore = new Store({ redis, url: server.url, namespace: 'telemetry', partitions: 4 });
  const store = new SubscriptionStore(logStore);
  const env: Record<string, string> = { REDIS_URL: server.url, PARTITIONS: '4' };
  const subscriptionsDone = async () => {
    const lags = (await Promise.all((await store.list()).map(({ name }) => store.control(name).lag()))).flat();
    return lags.length > 0 && lags.every(({ records }) => records === 0);
  };
  return { server, redis, store, env, subscriptionsDone, load: loadOn(logStore) };
}

function loadOn(store: Store): Load {
  const appender = new Appender({ store, processId: () => 'test' });
  cleanUp.push(() => appender.stop());
  let stored = 0;
  const payloads = new Map<string, Buffer>();
  const append = (vin: string) => {
    const n = load.sent.get(vin) ?? 0;
    load.sent.set(vin, n + 1);
    load.total++;
    let payload = payloads.get(vin);
    if (payload === undefined) {
      payload = encodeMessage('V', { data: [{ key: Field.Soc, value: { doubleValue: 50 } }], vin });
      payloads.set(vin, payload);
    }
    const times = { createdMs: Date.now(), receivedMs: Date.now() };
    const record = {
      kind: 'record',
      vin,
      topic: 'V',
      txid: Buffer.from(String(n)),
      version: '',
      payload,
      ...times,
    } as const;
    appender.append(record, {
      settled: (outcome) => {
        if (outcome !== 'stored' && outcome !== 'repeat') throw new Error(`record ${outcome}`);
        stored++;
      },
    });
  };
  const load: Load = {
    total: 0,
    sent: new Map(),
    run: async ({ vins, perSecond, seconds }) => {
      const startedMs = performance.now();
      const wanted = perSecond * seconds;
      for (let count = 0; count < wanted; ) {
        const due = Math.min(wanted, Math.floor(((performance.now() - startedMs) / 1000) * perSecond));
        // back-pressure, as ingest applies to sockets
        for (; count < due && appender.unsettledRecords < 50_000; count++)
          append(`5YJ3E1EA7KF${String(count % vins).padStart(6, '0')}`);
        await delay(5);
      }
      await eventually(() => appender.unsettledRecords === 0, 60_000);
    },
    reached: (records) => eventually(() => stored >= records, 120_000),
  };
  return load;
}

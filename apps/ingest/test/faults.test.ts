// The guarantees of ingest under load while processes are killed and Redis is stopped or full. The ledgers of the vehicles
// are compared with the log: no acknowledged record is missing, no record is stored twice, and the order is kept.
import { extendedKeyUsages, issueCertificate } from '@fleetbridge/pki';
import { SimulatedVehicle } from '@fleetbridge/simulator';
import { Presence } from '@fleetbridge/store';
import type { RedisTestContext } from '@fleetbridge/store/testing';
import { eventually, freePort } from '@fleetbridge/testing';
import { afterEach, describe, expect } from 'vitest';
import type { IngestProcess } from './ingest-process.js';
import { readEntries, type TestPki } from './ingest-rig.js';
import { type IngestTestContext, it } from './ingest-test.js';

const isLong = process.env.TEST_LONG !== undefined;
const long = isLong ? it : it.skip;
if (!isLong)
  console.log('skipped: 2,000 vehicles, Redis suspended for 20 s, Redis out of memory (minutes): npm run test:long');
const SPEED = 4;

type Context = Pick<RedisTestContext & IngestTestContext, 'store' | 'pki' | 'processes'>;

let vehicles: SimulatedVehicle[] = [];

afterEach(async () => {
  await Promise.all(vehicles.map((vehicle) => vehicle.stop()));
  vehicles = [];
});

describe('under load', () => {
  it('killed workers and a killed primary lose no record, store no record twice, and keep the order', {
    timeout: 120_000,
  }, async ({ store, pki, processes }) => {
    const context = { store, pki, processes };
    const { ingest, start } = await startOnOnePort(context, { INGEST_WORKERS: '2' });
    let current = ingest;
    vehicles = createVehicles(pki, isLong ? 60 : 12, await portOf(ingest));
    const load = sendRepeatedly(vehicles);
    for (let round = 0; round < (isLong ? 6 : 1); round++) {
      await eventually(() => acknowledgedMore(20));
      const workers = workerPids(current);
      const alive = workers.filter(isAlive);
      process.kill(alive[round % alive.length]!, 'SIGKILL');
      await eventually(() => workerPids(current).length > workers.length, 20_000);
      await eventually(() => acknowledgedMore(20));
    }
    await eventually(() => acknowledgedMore(20));
    current.child.kill('SIGKILL');
    current = start();
    await current.ready;
    await eventually(() => acknowledgedMore(20));
    load.stop();
    await expectGuaranteesKept(context);
  });

  long(
    'a Redis that is suspended for 20 s delays acks, and the guarantees hold afterwards',
    { timeout: 180_000 },
    async ({ redisServer, store, pki, processes }) => {
      const context = { store, pki, processes };
      const { ingest } = await startOnOnePort(context, { INGEST_WORKERS: '2' });
      vehicles = createVehicles(pki, 60, await portOf(ingest));
      const load = sendRepeatedly(vehicles);
      await eventually(() => acknowledgedMore(20));
      redisServer.pause();
      const suspendedMs = performance.now();
      // a reply that Redis had written before may still arrive
      await eventually(async () => (await ingest.admin('/readyz')).status === 503);
      const before = acknowledged();
      await eventually(() => performance.now() - suspendedMs > 20_000, 30_000);
      expect(acknowledged()).toBe(before);
      redisServer.resume();
      await eventually(() => acknowledgedMore(20), 30_000);
      await eventually(async () => (await ingest.admin('/readyz')).status === 200, 30_000);
      load.stop();
      await expectGuaranteesKept(context);
      // leases have expired meanwhile; presence must list each connected vehicle once
      const present = await presence(context).all();
      expect(new Set(present.map(({ vin }) => vin)).size).toBe(present.length);
    },
  );

  long(
    'a Redis at its memory limit stops acks, and every record is stored when memory is available',
    { timeout: 180_000 },
    async ({ store, pki, processes }) => {
      const context = { store, pki, processes };
      const { ingest } = await startOnOnePort(context, { INGEST_WORKERS: '2' });
      vehicles = createVehicles(pki, 40, await portOf(ingest));
      const load = sendRepeatedly(vehicles);
      for (let round = 0; round < 3; round++) {
        await eventually(() => acknowledgedMore(20), 30_000);
        const used = Number(/used_memory:(\d+)/.exec(await store.redis.info('memory'))?.[1]);
        await store.redis.config('SET', 'maxmemory', String(used + 500_000));
        await eventually(async () => (await ingest.admin('/readyz')).status === 503, 60_000);
        const before = acknowledged();
        // writes are still rejected later, when the vehicles' windows are full
        const since = performance.now();
        await eventually(() => performance.now() - since > 3_000);
        const meanwhile = acknowledged() - before;
        vehicles[round]!.cutConnection();
        await store.redis.config('SET', 'maxmemory', '0');
        // at most: per worker one call of 256 records in progress and one with its reply under way
        expect(meanwhile).toBeLessThanOrEqual(4 * 256);
        await eventually(async () => (await ingest.admin('/readyz')).status === 200, 30_000);
      }
      load.stop();
      await expectGuaranteesKept(context);
    },
  );
});

describe('2,000 vehicles', () => {
  long(
    'all reconnect after kill -9 and a restart, each is counted once, and presence is correct',
    {
      timeout: 300_000,
    },
    async ({ store, pki, processes }) => {
      const context = { store, pki, processes };
      const { ingest, start } = await startOnOnePort(context, { INGEST_WORKERS: '1' });
      vehicles = createVehicles(pki, 2_000, await portOf(ingest));
      const all = () => vehicles.every(({ isConnected }) => isConnected);
      await eventually(all, 120_000);
      for (const vehicle of vehicles) vehicle.send([speed(1)]);
      await eventually(() => vehicles.every(({ pending }) => pending === 0), 60_000);
      expect(await connectedIn(ingest)).toBe(2_000);

      ingest.child.kill('SIGKILL');
      await eventually(() => !vehicles.some(({ isConnected }) => isConnected), 60_000);
      for (const vehicle of vehicles) vehicle.send([speed(2)]);
      const again = start();
      await again.ready;
      await eventually(() => vehicles.every(({ pending }) => pending === 0), 120_000);
      await eventually(all, 120_000);

      const { text } = await again.admin('/metrics');
      expect(numberIn(text, 'fleetbridge_ingest_connected')).toBe(2_000);
      expect(numberIn(text, 'fleetbridge_ingest_connections_total')).toBe(2_000);
      expect(numberIn(text, 'fleetbridge_ingest_replaced_total')).toBe(0);
      const present = await presence(context).all();
      expect(new Set(present.map(({ vin }) => vin)).size).toBe(2_000);
      expect(present).toHaveLength(2_000);
      expect(new Set(present.map(({ processId }) => processId)).size).toBe(1);
      // what the dispatcher does after the lease of the killed process has expired
      expect(await presence(context).reportDead(0, Date.now())).toEqual([]);
      await expectGuaranteesKept(context);
    },
  );
});

/** Starts a process; `start` starts another one with the same port and namespace. */
async function startOnOnePort({ processes }: Context, env: Record<string, string>) {
  const port = String(await freePort());
  const start = () => processes.start({ INGEST_PORT: port, ...env });
  return { ingest: start(), start };
}

async function portOf(ingest: IngestProcess): Promise<number> {
  return (await ingest.ready).ports.vehicles;
}

/** Vehicles with certificates created in memory; they send what the test gives them. */
function createVehicles(pki: TestPki, count: number, port: number): SimulatedVehicle[] {
  const extendedKeyUsage = [extendedKeyUsages.clientAuth];
  return Array.from({ length: count }, (_, n) => {
    const vin = `5YJ3E1EA7KF1${String(n).padStart(5, '0')}`;
    const authority = pki.vehicleAuthority;
    const vehicle = new SimulatedVehicle({
      vin,
      url: `wss://127.0.0.1:${port}/`,
      ...issueCertificate({ authority, subject: { commonName: vin }, extendedKeyUsage, days: 30 }),
      caPem: pki.serverCaPem,
      plan: [],
      reconnect: { minimumMs: 50, maximumMs: 1_000 },
    });
    vehicle.start();
    return vehicle;
  });
}

/** Sends five records per vehicle every 20 ms, unless 2,000 are pending. */
function sendRepeatedly(vehicles: SimulatedVehicle[]): { stop: () => void } {
  const timer = setInterval(() => {
    for (const vehicle of vehicles) {
      for (let n = 0; n < 5 && vehicle.pending < 2_000; n++) vehicle.send([speed(n)]);
    }
  }, 20);
  return { stop: () => clearInterval(timer) };
}

let lastSeen = 0;

/** Whether the vehicles have on average `each` more acks since the last call that returned true. */
function acknowledgedMore(each: number): boolean {
  const now = acknowledged();
  if (now < lastSeen) lastSeen = 0;
  if (now - lastSeen < each * vehicles.length) return false;
  lastSeen = now;
  return true;
}

function acknowledged(): number {
  return vehicles.reduce((sum, { ledger }) => sum + ledger.acknowledged.size, 0);
}

async function expectGuaranteesKept({ store }: Context): Promise<void> {
  const left = await Promise.all(vehicles.map((vehicle) => vehicle.finish(60_000)));
  expect(left.filter((pending) => pending > 0)).toEqual([]);
  const stored = new Map<string, string[]>();
  for (const { vin, topic, txid } of await readEntries(store)) {
    if (topic !== 'V') continue;
    const txids = stored.get(vin);
    if (txids === undefined) stored.set(vin, [txid]);
    else txids.push(txid);
  }
  for (const { vin, ledger } of vehicles) {
    expect(stored.get(vin) ?? []).toEqual([...ledger.records.keys()]);
    expect(ledger.acknowledged.size).toBe(ledger.records.size);
    expect([ledger.dropped, ledger.evicted, ledger.errorAnswers]).toEqual([0, 0, []]);
  }
}

async function connectedIn(ingest: IngestProcess): Promise<number> {
  return numberIn((await ingest.admin('/metrics')).text, 'fleetbridge_ingest_connected');
}

function numberIn(metrics: string, name: string): number {
  return Number(new RegExp(`^${name}\\{.*\\} (\\d+)$`, 'm').exec(metrics)?.[1]);
}

function presence({ store }: Context): Presence {
  return new Presence(store);
}

/** In start order, including dead workers. */
function workerPids(ingest: IngestProcess): number[] {
  return ingest.lines().flatMap(({ event, pid }) => {
    return event === 'ingest_ready' && pid !== ingest.child.pid ? [Number(pid)] : [];
  });
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function speed(value: number) {
  return { key: SPEED, value: { doubleValue: value } };
}

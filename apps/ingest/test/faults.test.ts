// The promise held against what breaks: processes killed, Redis stopped or full, under load. The vehicles' own ledgers
// are compared with the log: nothing acknowledged is missing, nothing is there twice, and the order is the vehicle's.
import { extendedKeyUsages, issueCertificate } from '@fleetbridge/pki';
import { SimulatedVehicle } from '@fleetbridge/simulator';
import { connectRedis, type LogEntry, Presence, type RedisConnection, Store, whenReady } from '@fleetbridge/store';
import { type DisposableRedis, eventually, freePort, startRedis } from '@fleetbridge/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createIngestProcesses, type IngestProcess } from './ingest-process.js';
import { createTestPki, readEntries, type TestPki } from './ingest-rig.js';

const isLong = process.env.TEST_LONG !== undefined;
const long = isLong ? it : it.skip;
if (!isLong) console.log('2,000 vehicles, Redis asleep for 20 s and Redis full take minutes: npm run test:long');
const SPEED = 4;

let redis: DisposableRedis;
let client: RedisConnection;
let pki: TestPki;
const processes = createIngestProcesses(() => ({ redisUrl: redis.url, pki }));
let vehicles: SimulatedVehicle[] = [];
let namespaces = 0;

beforeAll(async () => {
  redis = await startRedis();
  client = connectRedis({ url: redis.url, name: 'test' });
  await whenReady(client, 5_000);
  pki = createTestPki();
});
afterEach(async () => {
  redis.resume();
  await Promise.all(vehicles.map((vehicle) => vehicle.stop()));
  vehicles = [];
  processes.killAll();
});
afterAll(async () => {
  client.disconnect();
  pki.dispose();
  await redis.stop();
});

describe('under load', () => {
  it('workers and the primary are killed: nothing lost, nothing twice, all in order', {
    timeout: 120_000,
  }, async () => {
    const { ingest, namespace, start } = await startOnOnePort({ INGEST_WORKERS: '2' });
    let current = ingest;
    vehicles = fleetOf(isLong ? 60 : 12, await portOf(ingest));
    const load = sendOn(vehicles);
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
    await expectPromiseKept(namespace);
  });

  long('Redis sleeps for 20 s: vehicles wait, and then the same', { timeout: 180_000 }, async () => {
    const { ingest, namespace } = await startOnOnePort({ INGEST_WORKERS: '2' });
    vehicles = fleetOf(60, await portOf(ingest));
    const load = sendOn(vehicles);
    await eventually(() => acknowledgedMore(20));
    redis.pause();
    const asleepMs = performance.now();
    // A call that was under way may still be answered from what Redis had written.
    await eventually(async () => (await ingest.admin('/readyz')).status === 503);
    const before = acknowledged();
    await eventually(() => performance.now() - asleepMs > 20_000, 30_000);
    expect(acknowledged()).toBe(before);
    redis.resume();
    await eventually(() => acknowledgedMore(20), 30_000);
    await eventually(async () => (await ingest.admin('/readyz')).status === 200, 30_000);
    load.stop();
    await expectPromiseKept(namespace);
    // Leases ran out meanwhile; whoever is connected is present, and nobody else.
    const present = await presence(namespace).all();
    expect(new Set(present.map(({ vin }) => vin)).size).toBe(present.length);
  });

  long(
    'Redis is at its memory limit: no acks, and all is stored when there is room',
    { timeout: 180_000 },
    async () => {
      const { ingest, namespace } = await startOnOnePort({ INGEST_WORKERS: '2' });
      vehicles = fleetOf(40, await portOf(ingest));
      const load = sendOn(vehicles);
      for (let round = 0; round < 3; round++) {
        await eventually(() => acknowledgedMore(20), 30_000);
        const used = Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]);
        await client.config('SET', 'maxmemory', String(used + 500_000));
        await eventually(async () => (await ingest.admin('/readyz')).status === 503, 60_000);
        const before = acknowledged();
        // Still refused a while later: the vehicles' windows are full by now.
        const since = performance.now();
        await eventually(() => performance.now() - since > 3_000);
        const meanwhile = acknowledged() - before;
        vehicles[round]!.cutConnection();
        await client.config('SET', 'maxmemory', '0');
        // Two workers, each with a call of 256 records under way and its answer on the way back; then nothing more.
        expect(meanwhile).toBeLessThanOrEqual(4 * 256);
        await eventually(async () => (await ingest.admin('/readyz')).status === 200, 30_000);
      }
      load.stop();
      await expectPromiseKept(namespace);
    },
  );
});

describe('2,000 vehicles', () => {
  long(
    'are all back after kill -9 and a restart, none counted twice, and presence is right',
    {
      timeout: 300_000,
    },
    async () => {
      const { ingest, namespace, start } = await startOnOnePort({ INGEST_WORKERS: '1' });
      vehicles = fleetOf(2_000, await portOf(ingest));
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
      const present = await presence(namespace).all();
      expect(new Set(present.map(({ vin }) => vin)).size).toBe(2_000);
      expect(present).toHaveLength(2_000);
      expect(new Set(present.map(({ processId }) => processId)).size).toBe(1);
      // What the dispatcher would do once the killed process' lease has run out.
      expect(await presence(namespace).reportDead(0, Date.now())).toEqual([]);
      await expectPromiseKept(namespace);
    },
  );
});

/** A process whose port and namespace the next one has too. */
async function startOnOnePort(env: Record<string, string>) {
  const namespace = `faults-${process.pid}-${namespaces++}`;
  const port = String(await freePort());
  const start = () => processes.start({ NAMESPACE: namespace, INGEST_PORT: port, ...env });
  return { ingest: start(), namespace, start };
}

async function portOf(ingest: IngestProcess): Promise<number> {
  return (await ingest.ready).ports.vehicles;
}

/** Vehicles that send what they are given, with certificates made in memory. */
function fleetOf(count: number, port: number): SimulatedVehicle[] {
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

/** Five records of each vehicle every 20 ms, as long as it has not too many of them. */
function sendOn(fleet: SimulatedVehicle[]): { stop: () => void } {
  const timer = setInterval(() => {
    for (const vehicle of fleet) {
      for (let n = 0; n < 5 && vehicle.pending < 2_000; n++) vehicle.send([speed(n)]);
    }
  }, 20);
  return { stop: () => clearInterval(timer) };
}

let lastSeen = 0;

/** Whether each vehicle had about so many more acks since the last time that this was true. */
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

async function expectPromiseKept(namespace: string): Promise<void> {
  const left = await Promise.all(vehicles.map((vehicle) => vehicle.finish(60_000)));
  expect(left.filter((pending) => pending > 0)).toEqual([]);
  const stored = new Map<string, string[]>();
  for (const { vin, topic, txid } of await readAll(namespace)) {
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

function readAll(namespace: string): Promise<LogEntry[]> {
  return readEntries(client, namespace);
}

async function connectedIn(ingest: IngestProcess): Promise<number> {
  return numberIn((await ingest.admin('/metrics')).text, 'fleetbridge_ingest_connected');
}

function numberIn(metrics: string, name: string): number {
  return Number(new RegExp(`^${name}\\{.*\\} (\\d+)$`, 'm').exec(metrics)?.[1]);
}

function presence(namespace: string): Presence {
  return new Presence(new Store({ redis: client, url: redis.url, namespace, partitions: 1 }));
}

/** In the order of their starts; those that have died are still among them. */
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

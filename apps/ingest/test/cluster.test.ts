// The guarantees of ingest on a Redis Cluster with eight partitions on three nodes: vehicles, and a node that is killed
// under load. The ledgers of the vehicles are compared with the log.
import { extendedKeyUsages, issueCertificate } from '@fleetbridge/pki';
import { SimulatedVehicle } from '@fleetbridge/simulator';
import {
  connectRedis,
  type LogEntry,
  LogPages,
  partitionOf,
  type RedisConnection,
  Store,
  whenReady,
} from '@fleetbridge/store';
import { eventually, type RedisCluster, startRedisCluster } from '@fleetbridge/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createIngestProcesses, type IngestProcess, type IngestProcesses } from './ingest-process.js';
import { createTestPki, type TestPki } from './ingest-rig.js';

const PARTITIONS = 8;
const SPEED = 4;
const isLong = process.env.TEST_LONG !== undefined;
const VEHICLES = isLong ? 200 : 40;
const ROUNDS = isLong ? 6 : 1;
if (!isLong)
  console.log(
    'a node is killed once under 40 vehicles; six times under 200, and a promoted replica, with npm run test:long',
  );

let pki: TestPki;
let cluster: RedisCluster;
let client: RedisConnection;
let processes: IngestProcesses;
let vehicles: SimulatedVehicle[] = [];

beforeAll(() => {
  pki = createTestPki();
});
afterEach(async () => {
  await Promise.all(vehicles.map((vehicle) => vehicle.stop()));
  vehicles = [];
  processes.killAll();
  client.disconnect();
  await cluster.stop();
});
afterAll(() => pki.dispose());

describe('ingest on a cluster', () => {
  it('a node that is killed and restarted loses no record, stores no record twice, and keeps the order', {
    timeout: 240_000,
  }, async () => {
    const { ingest, load } = await start({ replicas: 0 });
    for (let round = 0; round < ROUNDS; round++) {
      await eventually(() => acknowledgedMore(5), 30_000);
      const node = cluster.nodes[round % 3]!;
      await node.kill();
      await eventually(async () => (await ingest.admin('/readyz')).status === 503);
      await node.start();
      await eventually(() => acknowledgedMore(5), 30_000);
      await eventually(async () => (await ingest.admin('/readyz')).status === 200);
    }
    load.stop();
    await expectGuaranteesKept();
  });

  // packages/store tests the same without ingest in each run
  it.runIf(isLong)(
    'ACK_REPLICAS=1: the promoted replica has every acknowledged record',
    {
      timeout: 240_000,
    },
    async () => {
      const { load } = await start({ replicas: 1 });
      for (let round = 0; round < ROUNDS; round++) {
        await eventually(() => acknowledgedMore(5), 30_000);
        const killed = await cluster.masterOf(String(round % PARTITIONS));
        const lost = await partitionsOf(killed.port);
        await killed.kill();
        await eventually(async () => {
          const masters = await Promise.all(lost.map((partition) => cluster.masterOf(String(partition))));
          return masters.every((master) => master !== killed);
        }, 30_000);
        // acks of the killed node only: the promoted one has no replica yet and acknowledges no record
        const acknowledged = vehicles.map(({ ledger }) => [...ledger.acknowledged.keys()]);
        for (const partition of lost) {
          const promoted = await cluster.masterOf(String(partition));
          const held = await heldBy(promoted.port, partition);
          const expected = acknowledged.filter((_, n) => partitionOf(vehicles[n]!.vin, PARTITIONS) === partition);
          expect(expected.length).toBeGreaterThan(0);
          expect(expected.flat().filter((txid) => !held.has(txid))).toEqual([]);
        }
        await killed.start();
        await cluster.whenWhole();
        await eventually(() => acknowledgedMore(5), 30_000);
      }
      load.stop();
      await expectGuaranteesKept();
    },
  );
});

async function start({ replicas }: { replicas: number }) {
  cluster = await startRedisCluster({ replicas });
  processes = createIngestProcesses({ redisUrl: cluster.url, namespace: 'cluster', pki });
  client = connectRedis({ url: cluster.url, name: 'test' });
  await whenReady(client, 5_000);
  const env = { PARTITIONS: String(PARTITIONS), ACK_REPLICAS: String(replicas) };
  const ingest: IngestProcess = processes.start(env);
  const { ports } = await ingest.ready;
  vehicles = Array.from({ length: VEHICLES }, (_, n) => newVehicle(n, ports.vehicles));
  await eventually(() => vehicles.every(({ isConnected }) => isConnected), 60_000);
  return { ingest, load: sendRepeatedly() };
}

function newVehicle(n: number, port: number): SimulatedVehicle {
  const vin = `5YJ3E1EA7KF2${String(n).padStart(5, '0')}`;
  const vehicle = new SimulatedVehicle({
    vin,
    url: `wss://127.0.0.1:${port}/`,
    ...issueCertificate({
      authority: pki.vehicleAuthority,
      subject: { commonName: vin },
      extendedKeyUsage: [extendedKeyUsages.clientAuth],
      days: 30,
    }),
    caPem: pki.serverCaPem,
    plan: [],
    reconnect: { minimumMs: 50, maximumMs: 1_000 },
  });
  vehicle.start();
  return vehicle;
}

/** Sends a record per vehicle every 100 ms, whether or not earlier ones were acknowledged. */
function sendRepeatedly(): { stop: () => void } {
  let value = 0;
  const timer = setInterval(() => {
    for (const vehicle of vehicles) vehicle.send([{ key: SPEED, value: { doubleValue: value } }]);
    value++;
  }, 100);
  return { stop: () => clearInterval(timer) };
}

let lastSeen: number[] = [];

/** Whether every vehicle has `each` more acks since the last call that returned true. */
function acknowledgedMore(each: number): boolean {
  const now = vehicles.map(({ ledger }) => ledger.acknowledged.size);
  if (now.some((acks, n) => acks < (lastSeen[n] ?? 0))) lastSeen = [];
  if (now.some((acks, n) => acks < (lastSeen[n] ?? 0) + each)) return false;
  lastSeen = now;
  return true;
}

async function expectGuaranteesKept(): Promise<void> {
  const left = await Promise.all(vehicles.map((vehicle) => vehicle.finish(60_000)));
  expect(left.filter((pending) => pending > 0)).toEqual([]);
  await whenReady(client, 5_000);
  const stored = new Map<string, string[]>();
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for (const { vin, topic, txid } of await readPartition(client, partition)) {
      if (topic !== 'V') continue;
      expect(partitionOf(vin, PARTITIONS)).toBe(partition);
      stored.set(vin, [...(stored.get(vin) ?? []), txid]);
    }
  }
  for (const { vin, ledger } of vehicles) {
    expect(stored.get(vin) ?? []).toEqual([...ledger.records.keys()]);
    expect(ledger.acknowledged.size).toBe(ledger.records.size);
    expect([ledger.dropped, ledger.evicted, ledger.errorAnswers]).toEqual([0, 0, []]);
  }
}

async function readPartition(redis: RedisConnection, partition: number): Promise<LogEntry[]> {
  const pages = new LogPages(new Store({ redis, url: cluster.url, namespace: 'cluster', partitions: PARTITIONS }));
  return await pages.after(partition, '0-0', 1_000_000);
}

async function partitionsOf(port: number): Promise<number[]> {
  const all = Array.from({ length: PARTITIONS }, (_, partition) => partition);
  const masters = await Promise.all(all.map((partition) => cluster.masterOf(String(partition))));
  return all.filter((partition) => masters[partition]!.port === port);
}

/** The txids of a partition on a single node. */
async function heldBy(port: number, partition: number): Promise<Set<string>> {
  const node = connectRedis({ url: `redis://127.0.0.1:${port}`, name: 'test' });
  try {
    await whenReady(node, 5_000);
    return new Set((await readPartition(node, partition)).map(({ txid }) => txid));
  } finally {
    node.disconnect();
  }
}

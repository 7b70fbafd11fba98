// Several workers on one port: to a vehicle and to an operator they are one server.
import { connectRedis, Presence, type RedisConnection, Store } from '@fleetbridge/store';
import { type DisposableRedis, eventually, startRedis } from '@fleetbridge/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createIngestProcesses, type IngestProcess } from './ingest-process.js';
import { createTestPki, readEntries, type TestPki } from './ingest-rig.js';

const VINS = Array.from({ length: 6 }, (_, n) => `5YJ3E1EA7KF00020${n}`);
let redis: DisposableRedis;
let client: RedisConnection;
let pki: TestPki;
const processes = createIngestProcesses(() => ({ redisUrl: redis.url, pki }));

beforeAll(async () => {
  redis = await startRedis();
  client = connectRedis({ url: redis.url, name: 'test' });
  pki = createTestPki();
});
afterEach(() => processes.killAll());
afterAll(async () => {
  client.disconnect();
  pki.dispose();
  await redis.stop();
});

describe('two workers', () => {
  it('share the port, and health, readiness and metrics speak for both', async () => {
    const ingest = processes.start({ INGEST_WORKERS: '2' });
    const { ports } = await ingest.ready;
    const vehicles = [];
    for (const vin of VINS) vehicles.push(await processes.connect(ports.vehicles, vin));
    for (const vehicle of vehicles) await vehicle.fence();

    const pids = ingest.lines().flatMap(({ event, pid }) => (event === 'vehicle_connected' ? [pid] : []));
    expect(new Set(pids).size).toBe(2);
    expect(pids).not.toContain(ingest.child.pid);
    expect((await ingest.admin('/healthz')).status).toBe(200);
    expect(await ingest.admin('/readyz')).toMatchObject({ status: 200 });
    const { text } = await ingest.admin('/metrics');
    expect(text).toMatch(/^fleetbridge_ingest_connected\{app="ingest"\} 6$/m);
    expect(text).toMatch(/^record_total\{record_type="V",app="ingest"\} 6$/m);
    expect(text).toMatch(/^fleetbridge_ingest_workers_ready\{app="ingest-primary"\} 2$/m);
    // The certificate's days are the same in each; their sum would be nonsense.
    expect(Number(/^fleetbridge_ingest_certificate_days_left\{.*\} (\S+)$/m.exec(text)?.[1])).toBeLessThan(826);
  });

  it('have a connection each to the log, under a process id of its own', async () => {
    const ingest = processes.start({ INGEST_WORKERS: '2', NAMESPACE: 'two-ids' });
    const { ports } = await ingest.ready;
    for (const vin of VINS) await (await processes.connect(ports.vehicles, vin)).fence();
    const connections = await presence('two-ids').all();
    expect(new Set(connections.map(({ processId }) => processId)).size).toBe(2);
  });

  it('end the older connection of a vehicle, whichever of them has it', async () => {
    const ingest = processes.start({ INGEST_WORKERS: '2', NAMESPACE: 'replaced' });
    const { ports } = await ingest.ready;
    let older = await processes.connect(ports.vehicles);
    await older.fence('tx-0');
    // Connections go to the workers in turn, so each of these is with the other one.
    for (let n = 1; n < 5; n++) {
      const newer = await processes.connect(ports.vehicles);
      expect(await older.closed).toBe(1000);
      await newer.fence(`tx-${n}`);
      older = newer;
    }
    const pids = ingest.lines().flatMap(({ event, pid }) => (event === 'vehicle_connected' ? [pid] : []));
    expect(new Set(pids).size).toBe(2);
    await eventually(async () => /connected\{app="ingest"\} 1$/m.test((await ingest.admin('/metrics')).text));
    expect(await story('replaced')).toEqual([0, 1, 2, 3, 4].flatMap((n) => ['connectivity', `tx-${n}`]));
    expect(await presence('replaced').all()).toHaveLength(1);
  });

  it('finish what they have read at SIGTERM, say goodbye with 1001, and all end with 0', async () => {
    const ingest = processes.start({ INGEST_WORKERS: '2', NAMESPACE: 'drained' });
    const { ports } = await ingest.ready;
    const vehicles = [];
    for (const vin of VINS) vehicles.push(await processes.connect(ports.vehicles, vin));
    for (const vehicle of vehicles) await vehicle.fence();
    redis.pause();
    for (const vehicle of vehicles) for (let n = 0; n < 50; n++) vehicle.send({ txid: `tx-${n}` });
    await eventually(async () => /unsettled_records\{app="ingest"\} 300$/m.test((await ingest.admin('/metrics')).text));
    ingest.child.kill('SIGTERM');
    await eventually(() => ingest.events().filter((event) => event === 'ingest_stopping').length === 3);
    redis.resume();
    for (const vehicle of vehicles) {
      expect(await vehicle.closed).toBe(1001);
      expect(vehicle.acks()).toHaveLength(51);
    }
    expect(await ingest.exited).toBe(0);
    expect(ingest.stderr()).toBe('');
    expect(ingest.events()).not.toContain('worker_died');
    expect(await presence('drained').all()).toEqual([]);
  });

  it('all end in good order when their primary is killed, and the next one has the port at once', async () => {
    const env = { INGEST_WORKERS: '2', NAMESPACE: 'orphans' };
    const ingest = processes.start(env);
    const { ports } = await ingest.ready;
    const vehicles = [];
    for (const vin of VINS) vehicles.push(await processes.connect(ports.vehicles, vin));
    for (const vehicle of vehicles) await vehicle.fence();
    const workers = workerPids(ingest);
    ingest.child.kill('SIGKILL');
    for (const vehicle of vehicles) expect(await vehicle.closed).toBe(1001);
    await eventually(() => workers.every((pid) => !isAlive(pid)));
    const next = processes.start({ ...env, INGEST_PORT: String(ports.vehicles) });
    await next.ready;
    await (await processes.connect(ports.vehicles)).fence();
  });
});

describe('a worker that dies', () => {
  it('is replaced; its vehicles come back, the others stay, and nothing that was counted is lost', async () => {
    const ingest = processes.start({ INGEST_WORKERS: '2', NAMESPACE: 'dead-worker' });
    const { ports } = await ingest.ready;
    const vehicles = [];
    for (const vin of VINS) vehicles.push(await processes.connect(ports.vehicles, vin));
    for (const vehicle of vehicles) await vehicle.fence();
    await ingest.admin('/metrics');
    const [dead] = workerPids(ingest);
    process.kill(dead!, 'SIGKILL');
    await eventually(async () => (await ingest.admin('/readyz')).status === 503);

    const closed = vehicles.map((vehicle) => Promise.race([vehicle.closed, vehicle.fence('still here')]));
    const ends = await Promise.all(closed);
    expect(ends.filter((end) => end === 1006)).toHaveLength(3);
    await eventually(async () => (await ingest.admin('/readyz')).status === 200);
    expect(workerPids(ingest)).toHaveLength(3);
    for (const vin of VINS) await (await processes.connect(ports.vehicles, vin)).fence('back');
    const { text } = await ingest.admin('/metrics');
    expect(text).toMatch(/^fleetbridge_ingest_workers_replaced_total\{.*\} 1$/m);
    expect(text).toMatch(/^record_total\{record_type="V",app="ingest"\} 15$/m);
    expect(await presence('dead-worker').all()).toHaveLength(6);
    expect(ingest.stderr()).toBe('');
  });
});

describe('a start that cannot succeed', () => {
  it('because the port is taken fails once, with the sentence of the worker that found out', async () => {
    const first = processes.start();
    const { vehicles } = (await first.ready).ports;
    const second = processes.start({ INGEST_WORKERS: '2', INGEST_PORT: String(vehicles) });
    expect(await second.exited).toBe(1);
    expect(second.stderr().match(/is in use by another process/g)).toHaveLength(1);
  });

  it('because of its certificates says so once, before any worker is started', async () => {
    const ingest = processes.start({ INGEST_WORKERS: '2', INGEST_CERT_FILE: '/nowhere/server.pem' });
    expect(await ingest.exited).toBe(2);
    expect(ingest.stderr().match(/INGEST_CERT_FILE: no file/g)).toHaveLength(1);
  });
});

function presence(namespace: string): Presence {
  return new Presence(new Store({ redis: client, url: redis.url, namespace, partitions: 1 }));
}

/** Topic of what the server wrote itself, txid of the rest. */
async function story(namespace: string): Promise<string[]> {
  const entries = await readEntries(client, namespace);
  return entries.map(({ topic, txid }) => (topic === 'V' ? txid : topic));
}

/** In the order of their starts; those that have died are still among them. */
function workerPids(ingest: IngestProcess): number[] {
  return ingest
    .lines()
    .flatMap(({ event, pid }) => (event === 'ingest_ready' && pid !== ingest.child.pid ? [Number(pid)] : []));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

// Several workers on one port: vehicles and operators see one server.
import { Presence, type Store } from '@fleetbridge/store';
import { eventually } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import type { IngestProcess } from './ingest-process.js';
import { readEntries } from './ingest-rig.js';
import { it } from './ingest-test.js';

const VINS = Array.from({ length: 6 }, (_, n) => `5YJ3E1EA7KF00020${n}`);

describe('two workers', () => {
  it('share the port, and health, readiness and metrics cover both', async ({ processes }) => {
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
    // the minimum of all workers, not their sum
    expect(Number(/^fleetbridge_ingest_certificate_days_left\{.*\} (\S+)$/m.exec(text)?.[1])).toBeLessThan(826);
  });

  it('report their connections under separate process ids', async ({ store, processes }) => {
    const ingest = processes.start({ INGEST_WORKERS: '2' });
    const { ports } = await ingest.ready;
    for (const vin of VINS) await (await processes.connect(ports.vehicles, vin)).fence();
    const connections = await new Presence(store).all();
    expect(new Set(connections.map(({ processId }) => processId)).size).toBe(2);
  });

  it('close the older connection of a vehicle, whichever worker has it', async ({ store, processes }) => {
    const ingest = processes.start({ INGEST_WORKERS: '2' });
    const { ports } = await ingest.ready;
    let older = await processes.connect(ports.vehicles);
    await older.fence('tx-0');
    // connections are assigned to the workers in turn, so consecutive ones go to different workers
    for (let n = 1; n < 5; n++) {
      const newer = await processes.connect(ports.vehicles);
      expect(await older.closed).toBe(1000);
      await newer.fence(`tx-${n}`);
      older = newer;
    }
    const pids = ingest.lines().flatMap(({ event, pid }) => (event === 'vehicle_connected' ? [pid] : []));
    expect(new Set(pids).size).toBe(2);
    await eventually(async () => /connected\{app="ingest"\} 1$/m.test((await ingest.admin('/metrics')).text));
    expect(await story(store)).toEqual([0, 1, 2, 3, 4].flatMap((n) => ['connectivity', `tx-${n}`]));
    expect(await new Presence(store).all()).toHaveLength(1);
  });

  it('store what they have read on SIGTERM, close with 1001, and exit with 0', async ({
    redisServer,
    store,
    processes,
  }) => {
    const ingest = processes.start({ INGEST_WORKERS: '2' });
    const { ports } = await ingest.ready;
    const vehicles = [];
    for (const vin of VINS) vehicles.push(await processes.connect(ports.vehicles, vin));
    for (const vehicle of vehicles) await vehicle.fence();
    redisServer.pause();
    for (const vehicle of vehicles) for (let n = 0; n < 50; n++) vehicle.send({ txid: `tx-${n}` });
    await eventually(async () => /unsettled_records\{app="ingest"\} 300$/m.test((await ingest.admin('/metrics')).text));
    ingest.child.kill('SIGTERM');
    await eventually(() => ingest.events().filter((event) => event === 'ingest_stopping').length === 3);
    redisServer.resume();
    for (const vehicle of vehicles) {
      expect(await vehicle.closed).toBe(1001);
      expect(vehicle.acks()).toHaveLength(51);
    }
    expect(await ingest.exited).toBe(0);
    expect(ingest.stderr()).toBe('');
    expect(ingest.events()).not.toContain('worker_died');
    expect(await new Presence(store).all()).toEqual([]);
  });

  it('stop in order when their primary is killed, and the next primary gets the port immediately', async ({
    processes,
  }) => {
    const env = { INGEST_WORKERS: '2' };
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
  it('is replaced, only its vehicles reconnect, and its counters are kept', async ({ store, processes }) => {
    const ingest = processes.start({ INGEST_WORKERS: '2' });
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
    expect(await new Presence(store).all()).toHaveLength(6);
    expect(ingest.stderr()).toBe('');
  });
});

describe('a start that cannot succeed', () => {
  it('because the port is in use fails once, with the message of one worker', async ({ processes }) => {
    const first = processes.start();
    const { vehicles } = (await first.ready).ports;
    const second = processes.start({ INGEST_WORKERS: '2', INGEST_PORT: String(vehicles) });
    expect(await second.exited).toBe(1);
    expect(second.stderr().match(/is in use by another process/g)).toHaveLength(1);
  });

  it('because of its certificates is reported once, before any worker starts', async ({ processes }) => {
    const ingest = processes.start({ INGEST_WORKERS: '2', INGEST_CERT_FILE: '/nowhere/server.pem' });
    expect(await ingest.exited).toBe(2);
    expect(ingest.stderr().match(/INGEST_CERT_FILE: no file/g)).toHaveLength(1);
  });
});

/** The txid of each record of a vehicle, and the topic of the others. */
async function story(store: Store): Promise<string[]> {
  const entries = await readEntries(store);
  return entries.map(({ topic, txid }) => (topic === 'V' ? txid : topic));
}

/** In start order, including dead workers. */
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

// Two ingest processes, as on two machines, behind one TCP balancer that speaks the PROXY protocol: one server.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { connectRedis, Presence, type RedisConnection, Store } from '@fleetbridge/store';
import { type DisposableRedis, eventually, freePort, startRedis } from '@fleetbridge/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createIngestProcesses, type IngestProcess } from './ingest-process.js';
import { createTestPki, readEntries, type TestPki, VIN } from './ingest-rig.js';

const hasHaproxy = process.platform === 'linux' && spawnSync('haproxy', ['-v']).status === 0;
if (!hasHaproxy) console.log('skipped: haproxy is not installed here (Debian: apt-get install haproxy)');
const VINS = Array.from({ length: 6 }, (_, n) => `5YJ3E1EA7KF00030${n}`);
/** From where the balancer connects to the servers; the vehicles come from 127.0.0.1. */
const BALANCER = '127.0.0.9';

let redis: DisposableRedis;
let client: RedisConnection;
let pki: TestPki;
const processes = createIngestProcesses(() => ({ redisUrl: redis.url, pki }));
const { connect } = processes;
let haproxy: ChildProcess;
let servers: IngestProcess[];
let namespace: string;
let port: number;
let namespaces = 0;

describe.skipIf(!hasHaproxy)('two processes behind haproxy', () => {
  beforeAll(async () => {
    redis = await startRedis();
    client = connectRedis({ url: redis.url, name: 'test' });
    pki = createTestPki();
  });
  beforeEach(async () => {
    namespace = `balanced-${namespaces++}`;
    const env = { NAMESPACE: namespace, PROXY_PROTOCOL_FROM: BALANCER };
    servers = [processes.start(env), processes.start(env)];
    const ports = await Promise.all(servers.map(async ({ ready }) => (await ready).ports.vehicles));
    port = await freePort();
    haproxy = startHaproxy(port, ports);
    await eventually(async () => (await connect(port)).connection.close());
    await eventually(async () => (await presence().all()).length === 0);
  });
  afterEach(() => {
    haproxy.kill('SIGKILL');
    processes.killAll();
  });
  afterAll(async () => {
    client.disconnect();
    pki.dispose();
    await redis.stop();
  });

  it('share the vehicles, and know them by their own addresses', async () => {
    for (const vin of VINS) await (await connect(port, vin)).fence();
    const connections = await presence().all();
    expect(connections.map(({ vin }) => vin).sort()).toEqual(VINS);
    expect(new Set(connections.map(({ processId }) => processId)).size).toBe(2);
    for (const { lines } of servers) {
      const addresses = lines().flatMap(({ event, address }) => (event === 'vehicle_connected' ? [address] : []));
      expect(new Set(addresses)).toEqual(new Set(['127.0.0.1']));
    }
  });

  it('replace a vehicle’s connection with its newer one, whichever of them has it', async () => {
    let older = await connect(port);
    await older.fence('tx-0');
    for (let n = 1; n < 6; n++) {
      const newer = await connect(port);
      expect(await older.closed).toBe(1000);
      await newer.fence(`tx-${n}`);
      older = newer;
    }
    expect(await presence().all()).toHaveLength(1);
    await eventually(async () => (await connectedInAll()) === 1);
    const own = (await story()).slice(2);
    expect(own).toEqual([0, 1, 2, 3, 4, 5].flatMap((n) => ['connectivity', `tx-${n}`]));
  });

  it('store a record once that is sent again to the other one, and acknowledge it there', async () => {
    const first = await connect(port);
    for (const txid of ['a', 'b', 'c']) first.send({ txid });
    await first.fence('d');
    first.connection.terminate();
    for (let n = 0; n < 3; n++) {
      const again = await connect(port);
      for (const txid of ['a', 'b', 'c']) again.send({ txid, isResend: n % 2 === 0 });
      await again.fence(`e-${n}`);
      expect(again.acks()).toEqual(['a', 'b', 'c', `e-${n}`]);
    }
    const records = (await story()).filter((txid) => txid !== 'connectivity');
    expect(records).toEqual(['a', 'b', 'c', 'd', 'e-0', 'e-1', 'e-2']);
  });

  it('go on as one when the other is killed: its vehicles are back, and presence is right', async () => {
    const vehicles = [];
    for (const vin of VINS) vehicles.push(await connect(port, vin));
    for (const vehicle of vehicles) await vehicle.fence();
    servers[0]!.child.kill('SIGKILL');
    const ended = await Promise.all(vehicles.map((vehicle) => Promise.race([vehicle.closed, vehicle.fence('here')])));
    for (const [index, end] of ended.entries()) {
      if (end === undefined) continue;
      const back = await eventually(() => connect(port, VINS[index]!));
      await back.fence('back');
    }
    const connections = await presence().all();
    expect(connections.map(({ vin }) => vin).sort()).toEqual(VINS);
    expect(new Set(connections.map(({ processId }) => processId)).size).toBe(1);
    // The dispatcher's part: nobody who is here is reported as gone.
    expect(await presence().reportDead(0, Date.now())).toEqual([]);
  });
});

function startHaproxy(listenPort: number, ports: number[]): ChildProcess {
  const file = path.join(pki.dataDir, `haproxy-${listenPort}.cfg`);
  const backends = ports.map(
    (to, index) => `  server ingest${index} 127.0.0.1:${to} source ${BALANCER} send-proxy-v2 check inter 200ms`,
  );
  const lines = [
    'defaults',
    '  mode tcp',
    '  timeout connect 5s',
    '  timeout client 1h',
    '  timeout server 1h',
    'frontend vehicles',
    `  bind 127.0.0.1:${listenPort}`,
    '  default_backend ingest',
    'backend ingest',
    '  balance roundrobin',
    '  option redispatch',
    ...backends,
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return spawn('haproxy', ['-db', '-f', file], { stdio: 'ignore' });
}

function presence(): Presence {
  return new Presence(new Store({ redis: client, url: redis.url, namespace, partitions: 1 }));
}

/** Topic of what the servers wrote themselves, txid of the rest. */
async function story(): Promise<string[]> {
  const entries = await readEntries(client, namespace);
  return entries.filter(({ vin }) => vin === VIN).map(({ topic, txid }) => (topic === 'V' ? txid : topic));
}

async function connectedInAll(): Promise<number> {
  const pages = await Promise.all(servers.map(({ admin }) => admin('/metrics')));
  const counts = pages.map(({ text }) => Number(/^fleetbridge_ingest_connected\{.*\} (\d+)$/m.exec(text)?.[1]));
  return counts.reduce((sum, count) => sum + count, 0);
}

// Two ingest processes behind a TCP balancer with the PROXY protocol: vehicles see one server.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { Presence } from '@fleetbridge/store';
import { eventually, freePort } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import type { IngestProcess, IngestProcesses } from './ingest-process.js';
import { readEntries, VIN } from './ingest-rig.js';
import { it as ingestTest } from './ingest-test.js';

const hasHaproxy = process.platform === 'linux' && spawnSync('haproxy', ['-v']).status === 0;
if (!hasHaproxy) console.log('skipped: haproxy is not installed here (Debian: apt-get install haproxy)');
const VINS = Array.from({ length: 6 }, (_, n) => `5YJ3E1EA7KF00030${n}`);
/** The address from which the balancer connects; the vehicles connect from 127.0.0.1. */
const BALANCER = '127.0.0.9';

interface Balanced {
  servers: IngestProcess[];
  /** Connects a vehicle through the balancer. */
  connect: (vin?: string) => ReturnType<IngestProcesses['connect']>;
  presence: Presence;
  /** The txid of each record of VIN, and the topic of records that the servers wrote. */
  story: () => Promise<string[]>;
}

const it = ingestTest.extend<{ balanced: Balanced }>({
  balanced: async ({ store, pki, processes }, use) => {
    const env = { PROXY_PROTOCOL_FROM: BALANCER };
    const servers = [processes.start(env), processes.start(env)];
    const ports = await Promise.all(servers.map(async ({ ready }) => (await ready).ports.vehicles));
    const port = await freePort();
    const haproxy = startHaproxy(path.join(pki.dataDir, `haproxy-${port}.cfg`), port, ports);
    const connect: Balanced['connect'] = (vin) => processes.connect(port, vin);
    const presence = new Presence(store);
    await eventually(async () => (await connect()).connection.close());
    await eventually(async () => (await presence.all()).length === 0);
    const story = async () =>
      (await readEntries(store))
        .filter(({ vin }) => vin === VIN)
        .map(({ topic, txid }) => (topic === 'V' ? txid : topic));
    await use({ servers, connect, presence, story });
    haproxy.kill('SIGKILL');
  },
});

describe.skipIf(!hasHaproxy)('two processes behind haproxy', () => {
  it('share the vehicles, and see the addresses of the vehicles', async ({ balanced }) => {
    const { servers, connect, presence } = balanced;
    for (const vin of VINS) await (await connect(vin)).fence();
    const connections = await presence.all();
    expect(connections.map(({ vin }) => vin).sort()).toEqual(VINS);
    expect(new Set(connections.map(({ processId }) => processId)).size).toBe(2);
    for (const { lines } of servers) {
      const addresses = lines().flatMap(({ event, address }) => (event === 'vehicle_connected' ? [address] : []));
      expect(new Set(addresses)).toEqual(new Set(['127.0.0.1']));
    }
  });

  it('close the older connection of a vehicle, whichever process has it', async ({ balanced }) => {
    const { servers, connect, presence, story } = balanced;
    let older = await connect();
    await older.fence('tx-0');
    for (let n = 1; n < 6; n++) {
      const newer = await connect();
      expect(await older.closed).toBe(1000);
      await newer.fence(`tx-${n}`);
      older = newer;
    }
    expect(await presence.all()).toHaveLength(1);
    await eventually(async () => (await connectedInAll(servers)) === 1);
    const own = (await story()).slice(2);
    expect(own).toEqual([0, 1, 2, 3, 4, 5].flatMap((n) => ['connectivity', `tx-${n}`]));
  });

  it('store a record once that is resent to the other process, and acknowledge it there', async ({ balanced }) => {
    const { connect, story } = balanced;
    const first = await connect();
    for (const txid of ['a', 'b', 'c']) first.send({ txid });
    await first.fence('d');
    first.connection.terminate();
    for (let n = 0; n < 3; n++) {
      const again = await connect();
      for (const txid of ['a', 'b', 'c']) again.send({ txid, isResend: n % 2 === 0 });
      await again.fence(`e-${n}`);
      expect(again.acks()).toEqual(['a', 'b', 'c', `e-${n}`]);
    }
    const records = (await story()).filter((txid) => txid !== 'connectivity');
    expect(records).toEqual(['a', 'b', 'c', 'd', 'e-0', 'e-1', 'e-2']);
  });

  it('continue as one when the other is killed: its vehicles reconnect, and presence is correct', async ({
    balanced,
  }) => {
    const { servers, connect, presence } = balanced;
    const vehicles = [];
    for (const vin of VINS) vehicles.push(await connect(vin));
    for (const vehicle of vehicles) await vehicle.fence();
    servers[0]!.child.kill('SIGKILL');
    const ended = await Promise.all(vehicles.map((vehicle) => Promise.race([vehicle.closed, vehicle.fence('here')])));
    for (const [index, end] of ended.entries()) {
      if (end === undefined) continue;
      const back = await eventually(() => connect(VINS[index]!));
      await back.fence('back');
    }
    const connections = await presence.all();
    expect(connections.map(({ vin }) => vin).sort()).toEqual(VINS);
    expect(new Set(connections.map(({ processId }) => processId)).size).toBe(1);
    // the dispatcher must not report connected vehicles as disconnected
    expect(await presence.reportDead(0, Date.now())).toEqual([]);
  });
});

function startHaproxy(file: string, listenPort: number, ports: number[]): ChildProcess {
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

async function connectedInAll(servers: readonly IngestProcess[]): Promise<number> {
  const pages = await Promise.all(servers.map(({ admin }) => admin('/metrics')));
  const counts = pages.map(({ text }) => Number(/^fleetbridge_ingest_connected\{.*\} (\d+)$/m.exec(text)?.[1]));
  return counts.reduce((sum, count) => sum + count, 0);
}

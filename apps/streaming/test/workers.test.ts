// The ports outlive the workers: real processes, real signals.
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ensureDevelopmentPki } from '@fleetbridge/pki';
import { TeslaMateClient } from '@fleetbridge/simulator';
import { agreeOnLayout, Store } from '@fleetbridge/store';
import { eventually, freePort } from '@fleetbridge/testing';
import { credentials, Metadata, makeGenericClientConstructor } from '@grpc/grpc-js';
import { describe, expect } from 'vitest';
import { telemetryService } from '../src/grpc/grpc-services.js';
import { isAlive } from './streaming-process.js';
import { TOKEN, VIN } from './streaming-rig.js';
import { it as streamingTest, type TestSocket } from './streaming-test.js';

type Connect = (port: number, scheme?: string) => Promise<TestSocket>;

/** A client that has subscribed. */
const it = streamingTest.extend<{ connected: Connect }>({
  connected: async ({ connect }, use) => {
    await use(async (port, scheme = 'ws') => {
      const client = await connect(`${scheme}://127.0.0.1:${port}/streaming/`, { rejectUnauthorized: false });
      client.send({ msg_type: 'data:subscribe_oauth', token: TOKEN, value: 'speed', tag: VIN });
      return client;
    });
  },
});

describe('when a worker dies', () => {
  it('new connections wait for the next worker without being refused', async ({ createProcess, connected }) => {
    const server = createProcess();
    const { clients, grpc } = await server.start();
    expect(await greeting(connected, clients)).toBe('control:hello');
    for (let crash = 0; crash < 3; crash++) {
      const [pid] = server.workers();
      process.kill(pid!, 'SIGKILL');
      await eventually(() => !isAlive(pid!));
      const greetings = await Promise.all(Array.from({ length: 20 }, () => greeting(connected, clients)));
      expect(new Set(greetings)).toEqual(new Set(['control:hello']));
      await expect(listVehicles(grpc)).resolves.toEqual([]);
      await eventually(() => server.workers().length === 1);
    }
  });

  it('TeslaMate reconnects and does not crash', async ({ createProcess, cleanup }) => {
    const server = createProcess();
    const { clients } = await server.start();
    const teslaMate = new TeslaMateClient({
      url: `ws://127.0.0.1:${clients}`,
      token: TOKEN,
      tag: VIN,
      timeFactor: 0.02,
    });
    cleanup.push(() => teslaMate.stop());
    await teslaMate.connect();
    await teslaMate.waitFor((one) => one.count('vehicle_disconnected') > 0);
    await delay(30);
    process.kill(server.workers()[0]!, 'SIGKILL');
    await teslaMate.waitFor((one) => one.count('connected') === 2);
    expect(teslaMate.crashes).toEqual([]);
  });

  it('its counts stay in the totals', async ({ createProcess, connected }) => {
    const server = createProcess({ STREAMING_WORKERS: '2' });
    const { clients, admin } = await server.start();
    for (let n = 0; n < 6; n++) await greeting(connected, clients);
    expect(await server.metric('fleetbridge_streaming_connections_total')).toBe(6);
    expect(await server.metric('fleetbridge_streaming_workers')).toBe(2);
    process.kill(server.workers()[0]!, 'SIGKILL');
    await eventually(async () => (await server.metric('fleetbridge_streaming_workers_replaced_total')) === 1);
    await eventually(async () => (await server.metric('fleetbridge_streaming_workers')) === 2);
    expect(await server.metric('fleetbridge_streaming_connections_total')).toBe(6);
    expect((await fetch(`http://127.0.0.1:${admin}/readyz`)).status).toBe(200);
  });
});

describe('a reload (SIGHUP)', () => {
  it('replaces every worker while clients connect, without refusing any', async ({
    createProcess,
    connected,
    cleanup,
  }) => {
    const server = createProcess({ STREAMING_WORKERS: '2', ...tls(cleanup) });
    const { clients, admin } = await server.start();
    const before = server.workers();
    let isDone = false;
    const greetings: Promise<string>[] = [];
    const connecting = (async () => {
      while (!isDone) {
        greetings.push(greeting(connected, clients, 'wss'));
        await delay(20);
      }
    })();
    server.signal('SIGHUP');
    await eventually(() => before.every((pid) => !isAlive(pid)));
    isDone = true;
    await connecting;
    expect(new Set(await Promise.all(greetings))).toEqual(new Set(['control:hello']));
    expect(server.workers()).toHaveLength(2);
    expect((await fetch(`http://127.0.0.1:${admin}/readyz`)).status).toBe(200);
    expect(server.lines.filter(({ event }) => event === 'worker_died')).toEqual([]);
  });
});

describe('while Redis is unreachable', () => {
  it('a client is accepted and gets a hello at once, and its vehicle when Redis is back', async ({
    createProcess,
    connected,
    redisServer,
    cleanup,
  }) => {
    const [redisPort, port] = [await freePort(), await freePort()];
    const env = { REDIS_URL: `redis://127.0.0.1:${redisPort}`, STREAMING_PORT: String(port) };
    const server = createProcess(env).spawn();
    await eventually(() => connected(port).then(({ socket }) => socket.terminate()));
    const client = await connected(port);
    await eventually(() => client.messages.some((text) => text.includes('control:hello')));
    expect(client.messages.some((text) => text.includes('vehicle_disconnected'))).toBe(false);
    const relay = createServer((socket) => {
      const target = connect(redisServer.port, '127.0.0.1');
      for (const one of [socket, target]) one.on('error', () => {});
      socket.pipe(target).pipe(socket);
    });
    await new Promise<void>((resolve) => relay.listen(redisPort, '127.0.0.1', resolve));
    cleanup.push(() => relay.close());
    await eventually(() => client.messages.some((text) => text.includes('vehicle_disconnected')));
    await server.ready();
  });
});

describe('a stop', () => {
  it('by SIGTERM is clean and stops all processes', async ({ createProcess, connected }) => {
    const server = createProcess({ STREAMING_WORKERS: '2' });
    const { clients } = await server.start();
    const client = await connected(clients);
    await eventually(() => client.messages.length > 0);
    const workers = server.workers();
    expect(workers).toHaveLength(2);
    expect(await server.end('SIGTERM')).toBe(0);
    expect(workers.filter(isAlive)).toEqual([]);
    await eventually(() => client.closes.length === 1);
    // no close frame
    expect(client.closes).toEqual([1006]);
  });

  it('of the process with the ports stops its workers', async ({ createProcess }) => {
    const server = createProcess();
    await server.start();
    const workers = server.workers();
    server.signal('SIGKILL');
    await server.ended;
    await eventually(() => workers.every((pid) => !isAlive(pid)));
  });

  it('has exit code 1 for a port in use and 2 for a log with another layout', async ({
    createProcess,
    redis,
    namespace,
    cleanup,
  }) => {
    const port = await freePort();
    const other = createServer().listen(port, '127.0.0.1');
    cleanup.push(() => other.close());
    const refused = createProcess({ NAMESPACE: `${namespace}-other`, STREAMING_PORT: String(port) }).spawn();
    expect(await refused.ended).toBe(1);
    expect(refused.errors).toContain('STREAMING_PORT');

    await agreeOnLayout(new Store({ redis, url: '', namespace, partitions: 3 }));
    const mismatched = createProcess().spawn();
    expect(await mismatched.ended).toBe(2);
    expect(mismatched.errors).toContain('PARTITIONS=3');
  });
});

/** A certificate of its own. */
function tls(cleanup: (() => unknown)[]): Record<string, string> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'streaming-'));
  cleanup.push(() => rmSync(dataDir, { recursive: true }));
  ensureDevelopmentPki({ directory: path.join(dataDir, 'pki'), hosts: [], vins: [] });
  return { STREAMING_TLS: 'on', DATA_DIR: dataDir };
}

/** The type of a client's first message, or the error before it. */
async function greeting(connected: Connect, port: number, scheme = 'ws'): Promise<string> {
  try {
    const { socket, messages } = await connected(port, scheme);
    await eventually(() => messages.length > 0);
    socket.terminate();
    return JSON.parse(messages[0]!).msg_type;
  } catch (error) {
    return String(error);
  }
}

function listVehicles(port: number): Promise<object[]> {
  const Telemetry = makeGenericClientConstructor(telemetryService, 'Telemetry');
  const client = new Telemetry(`127.0.0.1:${port}`, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${TOKEN}`);
  return new Promise<object[]>((resolve, reject) => {
    // biome-ignore lint/suspicious/noExplicitAny: clients of grpc-js are made at run time
    (client as any).ListVehicles(
      {},
      metadata,
      { deadline: Date.now() + 10_000 },
      (error: Error, answer: { vehicles: object[] }) => (error ? reject(error) : resolve(answer.vehicles)),
    );
  }).finally(() => client.close());
}

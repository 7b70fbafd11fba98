// The ports outlive the workers: real processes, real signals.
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ensureDevelopmentPki } from '@fleetbridge/pki';
import { TeslaMateClient } from '@fleetbridge/simulator';
import { agreeOnLayout, connectRedis, type RedisConnection, Store, whenReady } from '@fleetbridge/store';
import { type DisposableRedis, eventually, freePort, startRedis } from '@fleetbridge/testing';
import { cleanupAfterEach } from '@fleetbridge/testing/cleanup';
import { credentials, Metadata, makeGenericClientConstructor } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { telemetryService } from '../src/grpc/grpc-services.js';
import { isAlive, startProcess } from './server-process.js';
import { TOKEN, VIN } from './streaming-rig.js';

let redisServer: DisposableRedis;
let redis: RedisConnection;
let namespaces = 0;
const cleanUp = cleanupAfterEach();

beforeAll(async () => {
  redisServer = await startRedis();
  redis = connectRedis({ url: redisServer.url, name: 'test' });
  await whenReady(redis, 5_000);
});
afterAll(async () => {
  redis.disconnect();
  await redisServer.stop();
});

describe('when a worker dies', () => {
  it('whoever connects waits for the next one, and nobody is refused', async () => {
    const server = start();
    const { clients, grpc } = await server.ready();
    expect(await greeting(clients!)).toBe('control:hello');
    for (let crash = 0; crash < 3; crash++) {
      const [pid] = server.workers();
      process.kill(pid!, 'SIGKILL');
      await eventually(() => !isAlive(pid!));
      const greetings = await Promise.all(Array.from({ length: 20 }, () => greeting(clients!)));
      expect(new Set(greetings)).toEqual(new Set(['control:hello']));
      await expect(listVehicles(grpc!)).resolves.toEqual([]);
      await eventually(() => server.workers().length === 1);
    }
  });

  it('TeslaMate is back by itself, and its process has not crashed', async () => {
    const server = start();
    const { clients } = await server.ready();
    const teslaMate = new TeslaMateClient({
      url: `ws://127.0.0.1:${clients}`,
      token: TOKEN,
      tag: VIN,
      timeFactor: 0.02,
    });
    cleanUp.push(() => teslaMate.stop());
    await teslaMate.connect();
    await teslaMate.waitFor((one) => one.count('vehicle_disconnected') > 0);
    await new Promise((resolve) => setTimeout(resolve, 30));
    process.kill(server.workers()[0]!, 'SIGKILL');
    await teslaMate.waitFor((one) => one.count('connected') === 2);
    expect(teslaMate.crashes).toEqual([]);
  });

  it('what it has counted stays in the sums', async () => {
    const server = start({ STREAMING_WORKERS: '2' });
    const { clients, admin } = await server.ready();
    for (let n = 0; n < 6; n++) await greeting(clients!);
    expect(await metric(admin!, 'fleetbridge_streaming_connections_total')).toBe(6);
    expect(await metric(admin!, 'fleetbridge_streaming_workers')).toBe(2);
    process.kill(server.workers()[0]!, 'SIGKILL');
    await eventually(async () => (await metric(admin!, 'fleetbridge_streaming_workers_replaced_total')) === 1);
    await eventually(async () => (await metric(admin!, 'fleetbridge_streaming_workers')) === 2);
    expect(await metric(admin!, 'fleetbridge_streaming_connections_total')).toBe(6);
    expect((await fetch(`http://127.0.0.1:${admin}/readyz`)).status).toBe(200);
  });
});

describe('a reload (SIGHUP)', () => {
  it('replaces every worker while clients go on to connect, and refuses nobody', async () => {
    const server = start({ STREAMING_WORKERS: '2', ...tls() });
    const { clients, admin } = await server.ready();
    const before = server.workers();
    let isDone = false;
    const greetings: Promise<string>[] = [];
    const connecting = (async () => {
      while (!isDone) {
        greetings.push(greeting(clients!, 'wss'));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    server.child.kill('SIGHUP');
    await eventually(() => before.every((pid) => !isAlive(pid)));
    isDone = true;
    await connecting;
    expect(new Set(await Promise.all(greetings))).toEqual(new Set(['control:hello']));
    expect(server.workers()).toHaveLength(2);
    expect((await fetch(`http://127.0.0.1:${admin}/readyz`)).status).toBe(200);
    expect(server.lines.filter(({ event }) => event === 'worker_died')).toEqual([]);
  });
});

describe('while Redis is away', () => {
  it('a client is let in and greeted at once, and hears of its vehicle when Redis is back', async () => {
    const [redisPort, port] = [await freePort(), await freePort()];
    const server = start({ REDIS_URL: `redis://127.0.0.1:${redisPort}`, STREAMING_PORT: String(port) });
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
    cleanUp.push(() => relay.close());
    await eventually(() => client.messages.some((text) => text.includes('vehicle_disconnected')));
    await server.ready();
  });
});

describe('the end', () => {
  it('by SIGTERM is clean, with all of its processes', async () => {
    const server = start({ STREAMING_WORKERS: '2' });
    const { clients } = await server.ready();
    const client = await connected(clients!);
    await eventually(() => client.messages.length > 0);
    const workers = server.workers();
    expect(workers).toHaveLength(2);
    expect(await server.stop()).toBe(0);
    expect(workers.filter(isAlive)).toEqual([]);
    await eventually(() => client.closes.length === 1);
    // no close frame
    expect(client.closes).toEqual([1006]);
  });

  it('of the process that holds the ports is the end of its workers', async () => {
    const server = start();
    await server.ready();
    const workers = server.workers();
    await server.kill();
    await eventually(() => workers.every((pid) => !isAlive(pid)));
  });

  it('comes with 1 for a port that is taken, 2 for a log that is laid out otherwise', async () => {
    const port = await freePort();
    const other = createServer().listen(port, '127.0.0.1');
    cleanUp.push(() => other.close());
    const taken = start({ STREAMING_PORT: String(port) });
    expect(await taken.ended).toBe(1);
    expect(taken.errors()).toContain('STREAMING_PORT');

    const namespace = `workers-${namespaces++}`;
    await agreeOnLayout(new Store({ redis, url: redisServer.url, namespace, partitions: 3 }));
    const mismatched = start({ NAMESPACE: namespace });
    expect(await mismatched.ended).toBe(2);
    expect(mismatched.errors()).toContain('PARTITIONS=3');
  });
});

function start(env: Record<string, string> = {}) {
  const server = startProcess({ env: { REDIS_URL: redisServer.url, NAMESPACE: `workers-${namespaces++}`, ...env } });
  cleanUp.push(async () => {
    server.child.kill('SIGKILL');
    for (const pid of server.workers()) process.kill(pid, 'SIGKILL');
    await server.ended;
  });
  return server;
}

/** With a certificate of its own. */
function tls(): Record<string, string> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'streaming-'));
  cleanUp.push(() => rmSync(dataDir, { recursive: true }));
  ensureDevelopmentPki({ directory: path.join(dataDir, 'pki'), hosts: [], vins: [] });
  return { STREAMING_TLS: 'on', DATA_DIR: dataDir };
}

async function connected(port: number, scheme = 'ws') {
  const socket = new WebSocket(`${scheme}://127.0.0.1:${port}/streaming/`, { rejectUnauthorized: false });
  const messages: string[] = [];
  const closes: number[] = [];
  socket.on('message', (data) => messages.push(data.toString()));
  socket.on('close', (code) => closes.push(code));
  cleanUp.push(() => socket.terminate());
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  socket.send(JSON.stringify({ msg_type: 'data:subscribe_oauth', token: TOKEN, value: 'speed', tag: VIN }));
  return { socket, messages, closes };
}

/** Type of the first message that a client gets, or what went wrong before. */
async function greeting(port: number, scheme = 'ws'): Promise<string> {
  try {
    const { socket, messages } = await connected(port, scheme);
    await eventually(() => messages.length > 0);
    socket.terminate();
    return JSON.parse(messages[0]!).msg_type;
  } catch (error) {
    return String(error);
  }
}

async function metric(admin: number, name: string): Promise<number | undefined> {
  const text = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
  const [, value] = new RegExp(`^${name}(?:\\{[^}]*\\})? ([\\d.]+)$`, 'm').exec(text) ?? [];
  return value === undefined ? undefined : Number(value);
}

function listVehicles(port: number): Promise<object[]> {
  const Telemetry = makeGenericClientConstructor(telemetryService, 'Telemetry');
  const client = new Telemetry(`127.0.0.1:${port}`, credentials.createInsecure());
  cleanUp.push(() => client.close());
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${TOKEN}`);
  return new Promise((resolve, reject) => {
    // biome-ignore lint/suspicious/noExplicitAny: clients of grpc-js are made at run time
    (client as any).ListVehicles(
      {},
      metadata,
      { deadline: Date.now() + 10_000 },
      (error: Error, answer: { vehicles: object[] }) => (error ? reject(error) : resolve(answer.vehicles)),
    );
  });
}

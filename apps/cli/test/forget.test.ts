// The build's `fleetbridge forget` against running ingest, dispatcher and streaming: afterwards all of Redis is read, every
// key of every type, for a trace of the vehicle.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureDevelopmentPki } from '@fleetbridge/pki';
import { SimulatedVehicle, TeslaMateClient } from '@fleetbridge/simulator';
import { AdmissionStore, connectRedis, type RedisConnection, Store, TokenStore, whenReady } from '@fleetbridge/store';
import { type DisposableRedis, eventually, freePort, startRedis } from '@fleetbridge/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { forgetWhole, planOf } from '../src/commands/forget.js';

const VIN = '5YJ3E1EA7KF000098';
const OTHER = '5YJ3E1EA7KF000099';
const TOKEN = 'token-for-all-vehicles';
let server: DisposableRedis;
let redis: RedisConnection;
let dataDir: string;
const cleanUp: (() => unknown)[] = [];

beforeAll(async () => {
  server = await startRedis();
  redis = connectRedis({ url: server.url, name: 'test' });
  await whenReady(redis, 5_000);
  dataDir = mkdtempSync(path.join(tmpdir(), 'fleetbridge-forget-'));
});
afterAll(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
  redis.disconnect();
  await server.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

describe('fleetbridge forget', () => {
  it('leaves no trace in Redis of a vehicle that all parts of a running fleetbridge know, and nothing else changes', async () => {
    const vehicles = await startEverything();
    const tokens = new TokenStore({ redis, namespace: 'telemetry' });
    await tokens.create({ vin: VIN, label: '', nowMs: 1 });
    const others = await tokens.create({ vin: OTHER, label: '', nowMs: 2 });
    // snapshots, marks, presence, slots, checkpoints, dead letters
    await eventually(async () => (await holders(VIN)).length >= 9);

    const refused = await forget(VIN, '--yes');
    expect(refused).toMatchObject({ status: 1, stdout: expect.stringContaining('Nothing was deleted') });
    expect((await holders(VIN)).length).toBeGreaterThanOrEqual(9);

    // as an owner who no longer has it in ALLOWED_VINS would say it
    const done = await forget(VIN.toLowerCase(), '--yes', { ALLOWED_VINS: OTHER });
    expect(done).toMatchObject({ status: 0, stderr: '' });
    expect(done.stdout).toMatch(
      new RegExp(`^forgot ${VIN}\n  [1-9]\\d* records, [1-9]\\d* dead letters, .* 1 tokens\n`),
    );
    await vehicles.get(VIN)!.stop();
    expect(await holders(VIN)).toEqual([]);
    expect(await tokens.list()).toEqual([others.grant]);
    expect((await holders(OTHER)).length).toBeGreaterThanOrEqual(9);
    const stored = new Set((await redis.xrange('telemetry:{0}:records', '-', '+')).map(([, fields]) => fields[5]));
    const acknowledged = [...vehicles.get(OTHER)!.ledger.acknowledged.keys()];
    expect(acknowledged.filter((txid) => !stored.has(txid))).toEqual([]);
  }, 90_000);

  it.each([
    [[], 'expected: one VIN'],
    [[VIN, OTHER, '--yes'], 'expected: one VIN'],
    [['not a VIN', '--yes'], 'expected a VIN'],
    [[VIN, '--deny', '--force', '--yes'], 'exclude each other'],
    [[VIN], '--yes is needed here'],
  ])('%j is a mistake with exit code 2, and nothing is deleted', async (args, sentence) => {
    const { status, stderr } = await forget(...args);
    expect(stderr).toContain(sentence);
    expect(status).toBe(2);
  });

  it('--deny keeps it out, which is the one thing that stays; then it can be repeated without a word', async () => {
    const vin = 'VIN-DENIED';
    await redis.xadd('telemetry:{0}:records', '*', 'vin', vin, 'payload', 'x');
    const round = async () => {
      const lines: string[] = [];
      const log = new Store({ redis, url: server.url, namespace: 'telemetry', partitions: 1 });
      await forgetWhole(log, { vin, plan: 'deny', print: (line) => lines.push(line), settlingMs: 1 });
      return lines;
    };
    expect(await round()).toContain('left: the word that keeps it out (fleetbridge vehicle list)');
    expect(await holders(vin)).toEqual(['telemetry:admission']);
    const { verdicts } = await new AdmissionStore({ redis, namespace: 'telemetry' }).read();
    expect(verdicts.get(vin)).toBe('deny');
    const lines = await round();
    expect(lines[1]).toContain(' 0 records');
  }, 60_000);
});

describe('a vehicle that may come back', () => {
  const plan = (facts: Partial<Parameters<typeof planOf>[1]>) =>
    planOf(VIN, { isListed: undefined, verdict: undefined, values: {}, ...facts });

  it('is not forgotten without a word on that', () => {
    for (const facts of [
      {},
      { isListed: true },
      { verdict: 'allow' as const },
      { isListed: true, verdict: 'allow' as const },
    ])
      expect(plan(facts)).toMatchObject({ kind: 'refuse', why: expect.stringContaining('it would be stored anew') });
  });

  it('is one that is not listed and not denied; what is said of it by name goes with it', () => {
    expect(plan({ isListed: false })).toEqual({ kind: 'withdraw' });
    expect(plan({ isListed: false, verdict: 'allow' })).toEqual({ kind: 'withdraw' });
    expect(plan({ isListed: false, verdict: 'deny' })).toEqual({ kind: 'withdraw' });
    expect(plan({ verdict: 'deny' })).toEqual({ kind: 'deny' });
    expect(plan({ isListed: true, verdict: 'deny' })).toEqual({ kind: 'deny' });
    expect(plan({ isListed: true, values: { deny: true } })).toEqual({ kind: 'deny' });
    expect(plan({ verdict: 'deny', values: { force: true } })).toEqual({ kind: 'leave' });
  });
});

/** Two vehicles that drive, an endpoint that takes nothing, and a TeslaMate for each vehicle. */
async function startEverything() {
  const pki = ensureDevelopmentPki({ directory: path.join(dataDir, 'pki'), hosts: [], vins: [VIN, OTHER] });
  const endpoint = createServer((_request, response) => response.writeHead(400).end());
  await new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve));
  cleanUp.push(() => endpoint.close());
  const ports = { INGEST_PORT: String(await freePort()), STREAMING_PORT: String(await freePort()) };
  // the list is changed while ingest runs, as an owner would: by a word of `fleetbridge vehicle` that allows both
  await new AdmissionStore({ redis, namespace: 'telemetry' }).set([VIN, OTHER], 'allow');
  const env = {
    ...ports,
    INGEST_WORKERS: '1',
    ALLOWED_VINS: 'none',
    INGEST_ADMIN_PORT: '0',
    DISPATCHER_ADMIN_PORT: '0',
    STREAMING_ADMIN_PORT: '0',
    STREAMING_GRPC_PORT: '0',
    STREAMING_TLS: 'off',
    STREAMING_BIND: '127.0.0.1',
    BRIDGE_TOKEN: TOKEN,
  };
  await Promise.all(['ingest', 'dispatcher', 'streaming'].map((app) => startApp(app, env)));
  const { port } = endpoint.address() as AddressInfo;
  const definition = JSON.stringify({ maximumDeliveries: 1, push: { url: `http://127.0.0.1:${port}/` } });
  const file = path.join(dataDir, 'definition.json');
  writeFileSync(file, definition);
  const created = await run('subscription', 'create', 'rejected', '--definition', file);
  expect(created.stdout).toBe('created rejected\n');

  const vehicles = new Map<string, SimulatedVehicle>();
  for (const [vin, { certFile, keyFile }] of pki.vehicles) {
    const vehicle = new SimulatedVehicle({
      vin,
      url: `wss://127.0.0.1:${ports.INGEST_PORT}`,
      certificatePem: readFileSync(certFile, 'utf8'),
      keyPem: readFileSync(keyFile, 'utf8'),
      caPem: readFileSync(pki.serverAuthority.certFile, 'utf8'),
      reconnect: { minimumMs: 50, maximumMs: 200 },
    });
    vehicle.start();
    vehicles.set(vin, vehicle);
    const url = `ws://127.0.0.1:${ports.STREAMING_PORT}`;
    const client = new TeslaMateClient({ url, token: TOKEN, tag: vin });
    void client.connect().catch(() => {});
    // let go when its vehicle is forgotten, this one does not come back
    void eventually(() => client.events.some(({ type }) => type === 'disconnected'), 80_000).then(
      () => client.stop(),
      () => {},
    );
    cleanUp.push(
      () => client.stop(),
      () => vehicle.stop(),
    );
  }
  return vehicles;
}

async function startApp(app: string, env: Record<string, string>): Promise<void> {
  const main = fileURLToPath(new URL(`../../${app}/dist/main.js`, import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [main], {
    env: { PATH: process.env.PATH, REDIS_URL: server.url, DATA_DIR: dataDir, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on('data', (text) => {
      output += text;
    });
  }
  cleanUp.push(async () => {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    if (child.exitCode === null && child.kill('SIGTERM')) await ended;
  });
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve());
    child.once('exit', (code) => reject(new Error(`${app} ended with ${code}: ${output}`)));
  });
}

type Result = { status: number | null; stdout: string; stderr: string };

function forget(...args: (string | Record<string, string>)[]): Promise<Result> {
  return run('forget', ...args);
}

/** Without blocking this process, in which the vehicles live. */
function run(...args: (string | Record<string, string>)[]): Promise<Result> {
  const words = args.filter((arg) => typeof arg === 'string');
  const env = Object.assign(
    { PATH: process.env.PATH, REDIS_URL: server.url },
    ...args.filter((arg) => typeof arg === 'object'),
  );
  const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
  const child = spawn(process.execPath, [main, ...words], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  return new Promise((resolve) => child.once('close', (status) => resolve({ status, ...output })));
}

/** The keys that have this text in their name or anywhere in what they hold. */
async function holders(text: string): Promise<string[]> {
  const found: string[] = [];
  for (const key of (await redis.keys('*')).sort()) {
    if (key.includes(text) || (await contentOf(key)).includes(text)) found.push(key);
  }
  return found;
}

async function contentOf(key: string): Promise<string> {
  const whole = { stream: ['XRANGE', key, '-', '+'], hash: ['HGETALL', key], set: ['SMEMBERS', key] };
  const kinds: Record<string, string[]> = {
    ...whole,
    zset: ['ZRANGE', key, '0', '-1'],
    list: ['LRANGE', key, '0', '-1'],
  };
  const [command, ...args] = kinds[await redis.type(key)] ?? ['GET', key];
  // bytes as latin1: nothing of a payload is lost on the way
  const reply = await redis.callBuffer(command!, ...args);
  return JSON.stringify(reply, (_, value) =>
    value?.type === 'Buffer' ? Buffer.from(value.data).toString('latin1') : value,
  );
}

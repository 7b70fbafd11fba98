// The build's `fleetbridge forget` against running ingest, dispatcher and streaming. Afterwards every key of Redis, of every
// type, is searched for traces of the vehicle.
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
import { forgetEverywhere, planOf } from '../src/commands/forget.js';

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
  it('deletes all traces of a vehicle in Redis while all services run, and nothing else', async () => {
    const vehicles = await startEverything();
    const tokens = new TokenStore({ redis, namespace: 'telemetry' });
    await tokens.create({ vin: VIN, label: '', nowMs: 1 });
    const others = await tokens.create({ vin: OTHER, label: '', nowMs: 2 });
    // snapshots, marks, presence, slots, checkpoints, dead letters
    await eventually(async () => (await keysWith(VIN)).length >= 9);

    const refused = await forget(VIN, '--yes');
    expect(refused).toMatchObject({ status: 1, stdout: expect.stringContaining('Nothing was deleted') });
    expect((await keysWith(VIN)).length).toBeGreaterThanOrEqual(9);

    // as after the owner has removed the VIN from ALLOWED_VINS
    const done = await forget(VIN.toLowerCase(), '--yes', { ALLOWED_VINS: OTHER });
    expect(done).toMatchObject({ status: 0, stderr: '' });
    expect(done.stdout).toMatch(
      new RegExp(`^deleted the data of ${VIN}\n  [1-9]\\d* records, [1-9]\\d* dead letters, .* 1 tokens\n`),
    );
    await vehicles.get(VIN)!.stop();
    expect(await keysWith(VIN)).toEqual([]);
    expect(await tokens.list()).toEqual([others.grant]);
    expect((await keysWith(OTHER)).length).toBeGreaterThanOrEqual(9);
    const stored = new Set((await redis.xrange('telemetry:{0}:records', '-', '+')).map(([, fields]) => fields[5]));
    const acknowledged = [...vehicles.get(OTHER)!.ledger.acknowledged.keys()];
    expect(acknowledged.filter((txid) => !stored.has(txid))).toEqual([]);
  }, 90_000);

  it.each([
    [[], 'expected: one VIN'],
    [[VIN, OTHER, '--yes'], 'expected: one VIN'],
    [['not a VIN', '--yes'], 'expected a VIN'],
    [[VIN, '--deny', '--force', '--yes'], 'mutually exclusive'],
    [[VIN], '--yes is required'],
  ])('rejects %j with exit code 2 and deletes nothing', async (args, sentence) => {
    const { status, stderr } = await forget(...args);
    expect(stderr).toContain(sentence);
    expect(status).toBe(2);
  });

  it('keeps only the deny entry with --deny, and can be repeated', async () => {
    const vin = 'VIN-DENIED';
    await redis.xadd('telemetry:{0}:records', '*', 'vin', vin, 'payload', 'x');
    const forgetOnce = async () => {
      const lines: string[] = [];
      const log = new Store({ redis, url: server.url, namespace: 'telemetry', partitions: 1 });
      await forgetEverywhere(log, { vin, plan: 'deny', print: (line) => lines.push(line), settlingMs: 1 });
      return lines;
    };
    expect(await forgetOnce()).toContain('remaining: the entry that denies the vehicle (fleetbridge vehicle list)');
    expect(await keysWith(vin)).toEqual(['telemetry:admission']);
    const { verdicts } = await new AdmissionStore({ redis, namespace: 'telemetry' }).read();
    expect(verdicts.get(vin)).toBe('deny');
    const lines = await forgetOnce();
    expect(lines[1]).toContain(' 0 records');
  }, 60_000);
});

describe('planOf', () => {
  const plan = (facts: Partial<Parameters<typeof planOf>[1]>) =>
    planOf(VIN, { isListed: undefined, verdict: undefined, values: {}, ...facts });

  it('refuses when the vehicle may reconnect and no option decides', () => {
    for (const facts of [
      {},
      { isListed: true },
      { verdict: 'allow' as const },
      { isListed: true, verdict: 'allow' as const },
    ])
      expect(plan(facts)).toMatchObject({
        kind: 'refuse',
        why: expect.stringContaining('its data would be stored again'),
      });
  });

  it('withdraws the entry of an unlisted vehicle, keeps a deny entry otherwise, and leaves everything with --force', () => {
    expect(plan({ isListed: false })).toEqual({ kind: 'withdraw' });
    expect(plan({ isListed: false, verdict: 'allow' })).toEqual({ kind: 'withdraw' });
    expect(plan({ isListed: false, verdict: 'deny' })).toEqual({ kind: 'withdraw' });
    expect(plan({ verdict: 'deny' })).toEqual({ kind: 'deny' });
    expect(plan({ isListed: true, verdict: 'deny' })).toEqual({ kind: 'deny' });
    expect(plan({ isListed: true, values: { deny: true } })).toEqual({ kind: 'deny' });
    expect(plan({ verdict: 'deny', values: { force: true } })).toEqual({ kind: 'leave' });
  });
});

/** Two driving vehicles, an endpoint that rejects everything, and a TeslaMate client per vehicle. */
async function startEverything() {
  const pki = ensureDevelopmentPki({ directory: path.join(dataDir, 'pki'), hosts: [], vins: [VIN, OTHER] });
  const endpoint = createServer((_request, response) => response.writeHead(400).end());
  await new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve));
  cleanUp.push(() => endpoint.close());
  const ports = { INGEST_PORT: String(await freePort()), STREAMING_PORT: String(await freePort()) };
  // allowed with `fleetbridge vehicle allow`, so that the list can change while ingest runs
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
    // this client does not reconnect after streaming has closed its connection
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

/** Asynchronous, because the simulated vehicles run in this process. */
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

/** The keys with this text in their name or value. */
async function keysWith(text: string): Promise<string[]> {
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
  // latin1 preserves every byte of a payload
  const reply = await redis.callBuffer(command!, ...args);
  return JSON.stringify(reply, (_, value) =>
    value?.type === 'Buffer' ? Buffer.from(value.data).toString('latin1') : value,
  );
}

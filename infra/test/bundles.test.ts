// The content of the images: each app as one file, in a folder without node_modules, run as a process against a real Redis.
// Covers the usual problems of bundles: workers that fork their own file, protobufjs' long, pino, descriptors for gRPC
// reflection, the Kafka client's wasm.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { ensureDevelopmentPki } from '@fleetbridge/pki';
import { Field, ShiftState } from '@fleetbridge/protocol';
import { SimulatedVehicle, TeslaMateClient } from '@fleetbridge/simulator';
import { type DisposableRedis, eventually, startRedis } from '@fleetbridge/testing';
import { credentials, loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundle } from '../scripts/bundle.mjs';

// biome-ignore lint/suspicious/noExplicitAny: clients of grpc-js are created at run time
type Any = any;
const VIN = '5YJ3E1EA7KF000001';
const folder = mkdtempSync(join(tmpdir(), 'fleetbridge-bundles-'));
let redis: DisposableRedis;
const children: ChildProcess[] = [];
const cleanUp: (() => unknown)[] = [];

beforeAll(async () => {
  redis = await startRedis();
  await bundle(folder);
});
afterAll(async () => {
  for (const undo of cleanUp.reverse()) await undo();
  // workers stop when their primary is gone
  for (const child of children) child.kill('SIGKILL');
  await redis.stop();
  rmSync(folder, { recursive: true, force: true });
});

it('passes a record through the bundles: in over mutual TLS, out by push, as a frame, over gRPC and in tail', async () => {
  for (let parent = dirname(folder); parent !== dirname(parent); parent = dirname(parent)) {
    expect(existsSync(join(parent, 'node_modules'))).toBe(false);
  }
  const pki = ensureDevelopmentPki({ directory: join(folder, 'data', 'pki'), hosts: [], vins: [VIN] });
  const caPem = readFileSync(pki.serverAuthority.certFile, 'utf8');

  const sink = await startSink();
  expect(await cli('subscription', 'create', 'sink', '--push', sink.url, '--topic', 'V')).toContain('sink');
  const [token = ''] = (await cli('token', 'create')).split('\n');

  const dispatcher = start('dispatcher', { DISPATCHER_ADMIN_PORT: '0' });
  const ingest = start('ingest', { INGEST_PORT: '0', INGEST_ADMIN_PORT: '0', INGEST_WORKERS: '2' });
  const streaming = start('streaming', {
    STREAMING_PORT: '0',
    STREAMING_GRPC_PORT: '0',
    STREAMING_ADMIN_PORT: '0',
    STREAMING_WORKERS: '2',
  });
  const gateway = start('gateway', { GATEWAY_PORT: '0', GATEWAY_ADMIN_PORT: '0', ALLOWED_VINS: VIN });
  const [ports, streamingPorts, { admin }, gatewayPorts] = await Promise.all([
    ingest.ready,
    streaming.ready,
    dispatcher.ready,
    gateway.ready,
  ]);
  for (const port of [ports.admin, streamingPorts.admin, admin, gatewayPorts.admin]) await ready(port!);
  expect(await metric(ports.admin!, 'fleetbridge_ingest_workers_ready')).toBe('2');
  expect(await metric(streamingPorts.admin!, 'fleetbridge_streaming_workers')).toBe('2');

  const { certFile, keyFile } = pki.vehicles.get(VIN)!;
  const vehicle = new SimulatedVehicle({
    vin: VIN,
    url: `wss://localhost:${ports.vehicles}`,
    certificatePem: readFileSync(certFile, 'utf8'),
    keyPem: readFileSync(keyFile, 'utf8'),
    caPem,
    plan: [],
  });
  cleanUp.push(() => vehicle.stop());
  vehicle.start();
  const txid = vehicle.send([
    { key: Field.Location, value: { locationValue: { latitude: 48.1, longitude: 11.5 } } },
    { key: Field.VehicleSpeed, value: { doubleValue: 31 } },
    { key: Field.Gear, value: { shiftStateValue: ShiftState.ShiftStateD } },
  ]);
  await eventually(() => vehicle.ledger.acknowledged.has(txid));

  const teslaMate = new TeslaMateClient({ url: `wss://localhost:${streamingPorts.clients}`, token, tag: VIN, caPem });
  cleanUp.push(() => teslaMate.stop());
  await teslaMate.connect();
  await teslaMate.waitFor(({ frames }) => frames.some(({ speed, shiftState }) => speed === 31 && shiftState === 'D'));
  expect(teslaMate.crashes).toEqual([]);
  await eventually(() => sink.txids.includes(txid));

  const tailed = await cli('tail', '--all', '--topic', 'V', '--count', '1', '--json');
  expect(JSON.parse(tailed)).toMatchObject({ vin: VIN, txid });

  const secure = credentials.createSsl(Buffer.from(caPem));
  expect(await health(`localhost:${streamingPorts.grpc}`, secure)).toBe('SERVING');
  expect(await reflectedServices(`localhost:${streamingPorts.grpc}`, secure)).toContain('fleetbridge.v1.Telemetry');

  const products = await fetch(`http://localhost:${gatewayPorts.clients}/api/1/products?token=${token}`);
  expect(await products.json()).toMatchObject({ response: [{ vin: VIN }] });

  await vehicle.stop();
  teslaMate.stop();
  for (const app of [ingest, dispatcher, streaming, gateway]) expect(await app.stop()).toBe(0);
});

it('prints help, and reports that up needs a clone', async () => {
  expect(await cli('--help')).toContain('Usage: fleetbridge <command>');
  await expect(cli('up')).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('clone') });
});

it('includes the licenses of all bundled packages', () => {
  const licenses = readFileSync(join(folder, 'LICENSES.txt'), 'utf8');
  for (const name of ['fastify', 'ioredis', 'protobufjs', 'pino', 'zod']) expect(licenses).toContain(`\n${name} `);
});

function environment(): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '',
    REDIS_URL: redis.url,
    DATA_DIR: join(folder, 'data'),
    SHUTDOWN_SECONDS: '5',
  };
}

function start(app: string, env: Record<string, string>) {
  const child = spawn(process.execPath, [join(folder, `${app}.mjs`)], {
    cwd: folder,
    env: { ...environment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  children.push(child);
  let output = '';
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  const ready = new Promise<Record<string, number>>((resolve, reject) => {
    child.on('message', (message: { type: string; ports: Record<string, number> }) => resolve(message.ports));
    void ended.then((code) => reject(new Error(`${app} exited with code ${code}: ${output}`)));
  });
  return {
    ready,
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

async function cli(...args: string[]): Promise<string> {
  const options = { cwd: folder, env: environment(), timeout: 20_000 };
  const { stdout } = await promisify(execFile)(process.execPath, [join(folder, 'cli.mjs'), ...args], options);
  return stdout;
}

/** Waits for readiness with the health check of the images. */
async function ready(port: number): Promise<void> {
  const script = join(import.meta.dirname, '../container/healthcheck.mjs');
  await eventually(() => promisify(execFile)(process.execPath, [script, 'NO_SUCH_PORT', String(port)]));
}

async function metric(port: number, name: string): Promise<string | undefined> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return new RegExp(`^${name}(?:\\{[^}]*\\})? (.*)$`, 'm').exec(text)?.[1];
}

/** Accepts pushes in the format of Google Pub/Sub. */
async function startSink() {
  const txids: string[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    txids.push(JSON.parse(body).message.attributes.txid);
    response.writeHead(204).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp.push(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, txids };
}

function clientOf(
  proto: string,
  path: string[],
  address: string,
  secure: ReturnType<typeof credentials.createSsl>,
): Any {
  const [scope, name] = proto.startsWith('@') ? proto.split('/') : ['', proto.split('/')[0]];
  const manifest = createRequire(import.meta.url).resolve(`${scope === '' ? '' : `${scope}/`}${name}/package.json`);
  const file = join(
    dirname(manifest),
    proto
      .split('/')
      .slice(scope === '' ? 1 : 2)
      .join('/'),
  );
  let found: Any = loadPackageDefinition(loadSync(file, { keepCase: true, enums: String }));
  for (const part of path) found = found[part];
  const client = new found(address, secure);
  cleanUp.push(() => client.close());
  return client;
}

function health(address: string, secure: ReturnType<typeof credentials.createSsl>): Promise<string> {
  const client = clientOf(
    'grpc-health-check/proto/health/v1/health.proto',
    ['grpc', 'health', 'v1', 'Health'],
    address,
    secure,
  );
  return new Promise((resolve, reject) => {
    client.Check({ service: '' }, (error: Error | null, answer: { status: string }) =>
      error === null ? resolve(answer.status) : reject(error),
    );
  });
}

function reflectedServices(address: string, secure: ReturnType<typeof credentials.createSsl>): Promise<string[]> {
  const proto = '@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto';
  const client = clientOf(proto, ['grpc', 'reflection', 'v1', 'ServerReflection'], address, secure);
  const stream = client.ServerReflectionInfo();
  return new Promise((resolve, reject) => {
    stream.on('error', reject);
    stream.on('data', (answer: { list_services_response: { service: { name: string }[] } }) => {
      resolve(answer.list_services_response.service.map(({ name }) => name));
      stream.end();
    });
    stream.write({ list_services: '*' });
  });
}

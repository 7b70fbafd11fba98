// All services as a user starts them: real processes, killed one after another while a vehicle drives. Afterwards the
// vehicle's ledger is compared with the log.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureVehicleCertificate } from '@fleetbridge/pki';
import { BEGINNING, compareEntryIds, decodeRecord } from '@fleetbridge/protocol';
import { payloadDigest, SimulatedVehicle, TeslaMateClient } from '@fleetbridge/simulator';
import {
  connectRedis,
  type LogEntry,
  LogTail,
  openStore,
  SnapshotStore,
  type Store,
  whenReady,
} from '@fleetbridge/store';
import { eventually, freePort } from '@fleetbridge/testing';
import { cleanupAfterEach } from '@fleetbridge/testing/cleanup';
import { emptyState, mergeRecord, stateFromHash } from '@fleetbridge/vehicle-state';
import { describe, expect, it } from 'vitest';

const cli = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const VIN = '5YJ3E1EA7KF000099';
const cleanUp = cleanupAfterEach();

describe('fleetbridge up', () => {
  it('prints addresses and live frames, stops everything on Ctrl-C, and continues with the same data', async () => {
    const folder = newFolder();
    const environment = await freePorts();
    const first = await startUp(folder, environment);
    const token = readFileSync(path.join(folder, 'tokens'), 'utf8').trim();
    expect(first.output()).toContain(`TESLA_WSS_HOST=wss://localhost:${environment.STREAMING_PORT}`);
    expect(first.output()).toContain(`TOKEN=?token=${token}`);
    const products = `http://localhost:${environment.GATEWAY_PORT}/api/1/products?token=${token}`;
    // as soon as the vehicle has a snapshot
    await eventually(async () => {
      const { response } = (await (await fetch(products)).json()) as { response: { vin: string }[] };
      expect(response.map(({ vin }) => vin)).toEqual(['5YJ3E1EA7KF000001']);
    }, 30_000);
    await eventually(() => /5YJ3E1EA7KF000001 .* mph .* kW/.test(first.output()), 30_000);
    expect(first.output()).toMatch(/\ntime +vin +gear speed +battery +position +power\n/);
    expect(first.output()).not.toContain('asleep or offline');
    const redisUrl = readFileSync(path.join(folder, 'redis', 'url'), 'utf8');
    const before = await lengthOfLog(redisUrl);
    expect(before).toBeGreaterThan(0);

    const processes = descendants(first.child.pid!);
    expect(processes.map(({ command }) => command).join('\n')).toMatch(/redis-server/);
    first.child.kill('SIGINT');
    expect(await first.exitCode).toBe(0);
    await eventually(() => processes.every(({ pid }) => !existsSync(`/proc/${pid}`)));

    const second = await startUp(folder, environment);
    expect(readFileSync(path.join(folder, 'redis', 'url'), 'utf8')).toBe(redisUrl);
    expect(readFileSync(path.join(folder, 'tokens'), 'utf8').trim()).toBe(token);
    expect(await lengthOfLog(redisUrl)).toBeGreaterThanOrEqual(before);
    second.child.kill('SIGINT');
    expect(await second.exitCode).toBe(0);
  }, 120_000);

  it('loses no acknowledged record and stores no record twice, whichever process is killed', async () => {
    const folder = newFolder();
    const environment = await freePorts();
    const up = await startUp(folder, { ...environment, SIM_VEHICLES: '1' });
    const vehicle = startVehicle(folder, environment);
    const teslaMate = await startTeslaMate(folder, environment);
    const { ledger } = vehicle;
    await eventually(() => ledger.acknowledged.size > 50, 30_000);
    await teslaMate.waitFor(({ frames }) => frames.length > 20, 30_000);

    // a first connection that fails ends TeslaMate
    const newClients = connectEvery(20, Number(environment.STREAMING_PORT));
    for (const name of ['redis-server 127', 'redis-guard', 'apps/ingest/', 'apps/dispatcher/', 'apps/streaming/']) {
      const acknowledged = ledger.acknowledged.size;
      const frames = teslaMate.frames.length;
      const [victim] = descendants(up.child.pid!).filter(({ command }) => command.includes(name));
      process.kill(victim!.pid, 'SIGKILL');
      await eventually(
        () => descendants(up.child.pid!).some(({ pid, command }) => command.includes(name) && pid !== victim!.pid),
        30_000,
      );
      await eventually(
        () => expect(ledger.acknowledged.size, `after ${name} was killed`).toBeGreaterThan(acknowledged + 50),
        60_000,
      );
      await teslaMate.waitFor((client) => client.frames.length > frames + 20, 60_000);
    }
    expect(await newClients.stop()).toEqual([]);
    expect(await vehicle.finish(30_000)).toBe(0);

    const store = storeIn(folder);
    await whenReady(store.redis, 5_000);
    const entries = (await readLog(folder)).filter(({ vin }) => vin === VIN);
    const records = entries.filter(({ topic }) => topic === 'V');
    const byTxid = new Map(records.map((record) => [record.txid, record]));
    expect(byTxid.size).toBe(records.length);
    const missing = [...ledger.acknowledged].filter(
      ([txid, { digest }]) => payloadDigest(byTxid.get(txid)?.payload ?? Buffer.alloc(0)) !== digest,
    );
    expect(missing).toEqual([]);
    expect(ledger.errorAnswers).toEqual([]);
    expect(ledger.connections).toBeGreaterThan(1);
    // records of one vehicle are in the log in the order in which it made them
    const times = records.map(({ createdMs }) => createdMs);
    expect(times).toEqual([...times].sort((a, b) => a - b));

    const snapshots = new SnapshotStore(store);
    const last = entries.at(-1)!.id;
    await eventually(async () => compareEntryIds(await snapshots.cursor(0), last) >= 0, 30_000);
    expect(stateFromHash((await snapshots.read(VIN)).hash).state).toEqual(
      merged((await readLog(folder)).filter(({ vin }) => vin === VIN)),
    );

    const frameTimes = teslaMate.frames.map(({ timeMs }) => timeMs);
    expect(frameTimes).toEqual([...frameTimes].sort((a, b) => a - b));
    expect(teslaMate.crashes).toEqual([]);
    teslaMate.stop();
    up.child.kill('SIGINT');
    expect(await up.exitCode).toBe(0);
  }, 240_000);

  it('exits with code 2 and every mistake before anything starts', async () => {
    const { child, exitCode, output } = spawnUp(newFolder(), { INGEST_PORT: 'x', SIM_VEHICLES: '-1', PARTITIONS: '0' });
    cleanUp.push(() => child.kill('SIGKILL'));
    expect(await exitCode).toBe(2);
    for (const variable of ['INGEST_PORT', 'SIM_VEHICLES', 'PARTITIONS'])
      expect(output()).toContain(`${variable}: expected`);
  });

  it('names every port in use and the variables that change them', async () => {
    const environment = await freePorts();
    for (const variable of ['INGEST_PORT', 'STREAMING_GRPC_PORT']) {
      const blocker = createServer();
      await new Promise<void>((resolve) => blocker.listen(Number(environment[variable]), resolve));
      cleanUp.push(() => blocker.close());
    }
    const { exitCode, output } = spawnUp(newFolder(), environment);
    expect(await exitCode).toBe(1);
    expect(output()).toMatch(new RegExp(`port ${environment.INGEST_PORT} .* in use.*INGEST_PORT`));
    expect(output()).toMatch(new RegExp(`port ${environment.STREAMING_GRPC_PORT} .* in use.*STREAMING_GRPC_PORT`));
  });
});

function newFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'fleetbridge-up-'));
  cleanUp.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const ports = [
  'INGEST_PORT',
  'INGEST_ADMIN_PORT',
  'DISPATCHER_ADMIN_PORT',
  'STREAMING_PORT',
  'STREAMING_ADMIN_PORT',
  'GATEWAY_PORT',
  'GATEWAY_ADMIN_PORT',
  'STREAMING_GRPC_PORT',
] as const;
type Environment = Record<string, string>;

async function freePorts(): Promise<Environment> {
  return Object.fromEntries(await Promise.all(ports.map(async (name) => [name, String(await freePort())])));
}

function spawnUp(folder: string, environment: Environment) {
  const { REDIS_URL: _, ...inherited } = process.env;
  const child = spawn(process.execPath, [cli, 'up'], {
    env: { ...inherited, DATA_DIR: folder, SHUTDOWN_SECONDS: '10', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      text += data;
    });
  }
  const exitCode = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  return { child: child as ChildProcess, exitCode, output: () => text };
}

async function startUp(folder: string, environment: Environment) {
  const up = spawnUp(folder, environment);
  cleanUp.push(async () => {
    up.child.kill('SIGTERM');
    await up.exitCode;
  });
  await eventually(() => {
    if (up.child.exitCode !== null) throw new Error(up.output());
    return up.output().includes('fleetbridge is running');
  }, 60_000);
  return up;
}

function startVehicle(folder: string, { INGEST_PORT }: Environment): SimulatedVehicle {
  const files = ensureVehicleCertificate({ directory: path.join(folder, 'pki'), vin: VIN });
  const vehicle = new SimulatedVehicle({
    vin: VIN,
    url: `wss://localhost:${INGEST_PORT}/`,
    certificatePem: readFileSync(files.certFile, 'utf8'),
    keyPem: readFileSync(files.keyFile, 'utf8'),
    caPem: serverCa(folder),
    plan: [{ phase: 'drive', seconds: 86_400 }],
    timeScale: 20,
    reconnect: { minimumMs: 50, maximumMs: 500 },
  });
  vehicle.start();
  cleanUp.push(() => vehicle.stop());
  return vehicle;
}

async function startTeslaMate(folder: string, { STREAMING_PORT }: Environment): Promise<TeslaMateClient> {
  const client = new TeslaMateClient({
    url: `wss://localhost:${STREAMING_PORT}`,
    token: readFileSync(path.join(folder, 'tokens'), 'utf8').trim(),
    tag: VIN,
    caPem: serverCa(folder),
    timeFactor: 0.1,
  });
  cleanUp.push(() => client.stop());
  await client.connect();
  return client;
}

/** Opens connections until `stop`, which resolves to the errors of those that failed. */
function connectEvery(ms: number, port: number) {
  const outcomes: Promise<string>[] = [];
  const timer = setInterval(() => {
    const socket = connect(port, '127.0.0.1');
    outcomes.push(
      new Promise((resolve) => {
        socket.once('connect', () => resolve('connected'));
        socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? String(error)));
      }),
    );
    socket.once('connect', () => socket.destroy()).on('error', () => {});
  }, ms);
  cleanUp.push(() => clearInterval(timer));
  return {
    stop: async () => {
      clearInterval(timer);
      return (await Promise.all(outcomes)).filter((outcome) => outcome !== 'connected');
    },
  };
}

function serverCa(folder: string): string {
  return readFileSync(path.join(folder, 'pki', 'server-ca.pem'), 'utf8');
}

/** All descendants of a process, with their command lines. */
function descendants(pid: number): { pid: number; command: string }[] {
  const lines = execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' }).trim().split('\n');
  const all = lines
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line)!)
    .map(([, own, parent, command]) => ({ pid: Number(own), parent: Number(parent), command: command! }));
  const below = (parent: number): typeof all =>
    all.filter((child) => child.parent === parent).flatMap((child) => [child, ...below(child.pid)]);
  return below(pid);
}

async function lengthOfLog(redisUrl: string): Promise<number> {
  const redis = connectRedis({ url: redisUrl, name: 'test' });
  try {
    await whenReady(redis, 5_000);
    return await redis.xlen('telemetry:{0}:records');
  } finally {
    redis.disconnect();
  }
}

function storeIn(folder: string): Store {
  const url = readFileSync(path.join(folder, 'redis', 'url'), 'utf8');
  const store = openStore({ url, name: 'test', namespace: 'telemetry', partitions: 1 });
  cleanUp.push(() => store.close());
  return store;
}

async function readLog(folder: string): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  const tail = new LogTail({
    store: storeIn(folder),
    partition: 0,
    from: BEGINNING,
    onEntry: (entry) => void entries.push(entry),
    onSkipped: ({ error }) => expect.unreachable(String(error)),
  });
  tail.start();
  await tail.caughtUp;
  await tail.stop();
  return entries;
}

function merged(entries: readonly LogEntry[]) {
  const state = emptyState();
  for (const { id, createdMs, topic, payload } of entries)
    mergeRecord(state, { entryId: id, timeMs: createdMs, decoded: decodeRecord(topic, payload)! });
  return state;
}

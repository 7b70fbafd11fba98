// Ingest in the test's process with a real Redis, real mutual TLS and real WebSockets on free ports.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { GuardLimits } from '@fleetbridge/access';
import { type CertificateFiles, ensureDevelopmentPki, ensureVehicleCertificate } from '@fleetbridge/pki';
import { ConnectivityEvent, decodeMessage } from '@fleetbridge/protocol';
import { createLogger, loadConfig, type StopFunction } from '@fleetbridge/service';
import { connectVehicle, SimulatedVehicle, type SimulatedVehicleOptions } from '@fleetbridge/simulator';
import { connectRedis, type LogEntry, Presence, Store, whenReady } from '@fleetbridge/store';
import { ingestConfig } from '../src/config.js';
import { startIngest } from '../src/ingest.js';
import { testVehicle, VIN } from './test-vehicle.js';

export { VIN };
export const OTHER_VIN = '5YJ3E1EA7KF000002';

/** Certificates in the layout of DATA_DIR. */
export function createTestPki() {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'fleetbridge-ingest-'));
  const directory = path.join(dataDir, 'pki');
  const made = ensureDevelopmentPki({ directory, hosts: [], vins: [VIN, OTHER_VIN] });
  return {
    dataDir,
    directory,
    serverCaPem: readFileSync(made.serverAuthority.certFile, 'utf8'),
    vehicleAuthority: readPair(made.vehicleAuthority),
    vehicle: (vin: string): VehicleCertificate => readPair(ensureVehicleCertificate({ directory, vin })),
    dispose: () => rmSync(dataDir, { recursive: true, force: true }),
  };
}

function readPair({ certFile, keyFile }: CertificateFiles): VehicleCertificate {
  return { certificatePem: readFileSync(certFile, 'utf8'), keyPem: readFileSync(keyFile, 'utf8') };
}

export type TestPki = ReturnType<typeof createTestPki>;

export interface VehicleCertificate {
  certificatePem: string;
  keyPem: string;
}

/** For a client without a certificate. */
export const noCertificate: VehicleCertificate = { certificatePem: '', keyPem: '' };

export interface TestIngestOptions {
  redisUrl: string;
  /** Redis as ingest reaches it; default: redisUrl. */
  ingestRedisUrl?: string;
  namespace: string;
  pki: TestPki;
  env?: Record<string, string>;
  now?: () => number;
  monotonicNow?: () => number;
  certificatePollMs?: number;
  maxUnsettledBytes?: number;
  connectsPerMinute?: number;
  handshakeLimits?: Partial<GuardLimits>;
  admissionPollMs?: number;
  identityPollMs?: number;
}

export async function startTestIngest({
  redisUrl,
  ingestRedisUrl,
  namespace,
  pki,
  env = {},
  ...options
}: TestIngestOptions) {
  const { config } = loadConfig(ingestConfig, {
    env: {
      REDIS_URL: ingestRedisUrl ?? redisUrl,
      NAMESPACE: namespace,
      DATA_DIR: pki.dataDir,
      INGEST_HOST: '127.0.0.1',
      INGEST_PORT: '0',
      INGEST_ADMIN_PORT: '0',
      ...env,
    },
  });
  const lines: Record<string, unknown>[] = [];
  const log = createLogger({
    name: 'ingest',
    level: 'debug',
    destination: { write: (line) => void lines.push(JSON.parse(line)) },
  });
  const stops: StopFunction[] = [];
  const stopping = new AbortController();
  const context = { log, signal: stopping.signal, onStop: (_: string, stop: StopFunction) => void stops.push(stop) };
  const redis = connectRedis({ url: redisUrl, name: 'test' });
  const store = new Store({ redis, url: redisUrl, namespace, partitions: 1 });
  const ingest = await startIngest({ config, context, ...options });
  await whenReady(redis, 5_000);
  const url = `wss://127.0.0.1:${ingest.ports.vehicles}/`;
  const open = new Set<{ terminate(): void }>();

  return {
    ...ingest,
    pki,
    namespace,
    url,
    /** The log lines so far. */
    lines,
    redis,
    store,
    presence: new Presence(store),
    entries: () => readEntries(store),
    /** The bytes of the quarantined messages. */
    async quarantined(): Promise<(Buffer | undefined)[]> {
      const kept = await redis.xrangeBuffer(store.keys(0).quarantine, '-', '+');
      return kept.map(([, fields]) => fields.at(-1));
    },
    /** The records of the log in short: the txid, or the status of a connectivity record. */
    story: async () => (await readEntries(store)).map(inShort),
    /** Replaces the log by a key that Redis cannot append to; returns a function that restores it. */
    async breakLog(): Promise<() => Promise<unknown>> {
      const { records } = store.keys(0);
      await redis.rename(records, `${records}:aside`);
      await redis.set(records, 'not a stream');
      return () => redis.rename(`${records}:aside`, records);
    },
    admin: (path: string) => request(`http://127.0.0.1:${ingest.ports.admin}${path}`),

    async connect({
      vin = VIN,
      certificate = pki.vehicle(vin),
      headers = {},
      path = '',
    }: {
      vin?: string;
      certificate?: VehicleCertificate;
      headers?: Record<string, string>;
      path?: string;
    } = {}) {
      const connection = await connectVehicle({ url: url + path, ...certificate, caPem: pki.serverCaPem, headers });
      open.add(connection);
      return testVehicle(connection, vin);
    },

    /** A vehicle that reconnects and resends; it sends what the test gives it. */
    simulate(vin: string, simulated: Partial<SimulatedVehicleOptions> = {}): SimulatedVehicle {
      const vehicle = new SimulatedVehicle({
        vin,
        url,
        ...pki.vehicle(vin),
        caPem: pki.serverCaPem,
        plan: [],
        reconnect: { minimumMs: 5, maximumMs: 50 },
        ...simulated,
      });
      open.add({ terminate: () => void vehicle.stop() });
      vehicle.start();
      return vehicle;
    },

    /** Stops as runApp does. */
    async stop(deadlineMs = 10_000) {
      stopping.abort();
      for (let stop = stops.pop(); stop !== undefined; stop = stops.pop()) await stop({ deadlineMs });
    },

    async dispose() {
      for (const connection of open) connection.terminate();
      await this.stop(200);
      redis.disconnect();
    },
  };
}

export type TestIngest = Awaited<ReturnType<typeof startTestIngest>>;

export async function readEntries(store: Store): Promise<LogEntry[]> {
  const reply = await store.redis.xrangeBuffer(store.keys(0).records, '-', '+');
  return reply.map(([id, fields]) => {
    const of = (name: string) =>
      fields[fields.findIndex((field, at) => at % 2 === 0 && field.toString() === name) + 1]!;
    return {
      id: id.toString(),
      vin: of('vin').toString(),
      topic: of('topic').toString(),
      txid: of('txid').toString('latin1'),
      createdMs: Number(of('created')),
      receivedMs: Number(of('received')),
      version: of('version').toString(),
      payload: of('payload'),
    };
  });
}

function inShort({ topic, txid, payload }: LogEntry): string {
  if (topic !== 'connectivity') return txid;
  return ConnectivityEvent[decodeMessage(topic, payload).status ?? 0] ?? 'unknown';
}

function request(url: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    get(url, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    }).on('error', reject);
  });
}

// Newer processes on the data of a release, as tests with a real Redis and the built apps. Everything is observed from
// outside (WebSocket, HTTP, the command line), so the tests stay valid when Redis keys or sources change.
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { get } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensureDevelopmentPki } from '@fleetbridge/pki';
import { type Datum, encodeMessage, Field, timestampOf } from '@fleetbridge/protocol';
import { connectVehicle, TeslaMateClient } from '@fleetbridge/simulator';
import { eventually, freePort, sendRedisCommand } from '@fleetbridge/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp } from './start-app.js';

/** Written by infra/fixtures/make-release-fixture.mjs. */
export interface ReleaseFacts {
  commit: string;
  startedMs: number;
  stoppedMs: number;
  vin: string;
  token: string;
  /** The whole log. */
  entries: { id: string; topic: string; txid: string; createdMs: number }[];
  /** The answer of `GET /vehicles/<VIN>`. */
  snapshot: object;
  subscription: { name: string; port: number; delivered: number; undelivered: number };
  /** The values of the frames after the one that the client has confirmed. */
  client: { confirmed: string; frames: string[] };
  /** Payload in base64. */
  lastRecord: { topic: string; txid: string; payload: string };
  /** File in `pki` → SHA-256. */
  keys: Record<string, string>;
}

export interface ReleaseData {
  /** A DATA_DIR of the release. It is changed, and removed at the end. */
  folder: string;
  facts: ReleaseFacts;
}

const NEW_SPEED = 99;
const NEW_TXID = 'after-the-upgrade';
const appsFolder = join(import.meta.dirname, '../../apps');

/** Registers the tests. `provide` is called once, before the first of them. */
export function testTakeOver(
  release: string,
  provide: () => ReleaseData | Promise<ReleaseData>,
  limitMs = 60_000,
): void {
  describe(`the data of ${release}`, () => {
    const cleanUp: (() => unknown)[] = [];
    let upgraded: Awaited<ReturnType<typeof startUpgraded>>;

    beforeAll(async () => {
      const data = await provide();
      cleanUp.push(() => rmSync(data.folder, { recursive: true, force: true }));
      upgraded = await startUpgraded(data, cleanUp);
    }, limitMs);
    afterAll(async () => {
      for (const undo of cleanUp.splice(0).reverse()) await undo();
    });

    it('keeps its keys: no authority, server or vehicle gets a new one', () => {
      const { facts, keysBefore, keysAfter } = upgraded;
      expect(keysBefore).toEqual(facts.keys);
      expect(keysAfter).toEqual(facts.keys);
    });

    it('gives access with the same token, and with no other', () => {
      expect(upgraded.snapshot.status).toBe(200);
      expect(upgraded.withWrongToken.status).toBe(401);
    });

    it('returns the same state of the vehicle as before', () => {
      const { cursor: _, ...snapshot } = JSON.parse(upgraded.snapshot.text);
      expect(snapshot).toEqual(upgraded.facts.snapshot);
    });

    it('lets a client continue after its confirmed frame, without a repeated or missing frame', () => {
      const { facts, frames, client } = upgraded;
      expect(frames.slice(0, -1)).toEqual(facts.client.frames);
      expect(frames.at(-1)).toMatch(new RegExp(`^\\d+,${NEW_SPEED},`));
      expect(client.crashes).toEqual([]);
    });

    it('lets a subscription continue at its position, without a repeated or missing record', () => {
      const { facts, deliveredWhilePaused, deliveries } = upgraded;
      expect(deliveredWhilePaused).toBe(0);
      const old = facts.entries.slice(facts.subscription.delivered);
      expect(old).toHaveLength(facts.subscription.undelivered);
      expect(deliveries.slice(0, old.length)).toEqual(old.map(({ id, txid }) => ({ id: `0-${id}`, txid })));
      // The vehicle has reconnected and sent one record.
      expect(deliveries.slice(old.length).map(({ txid }) => txid)).toEqual([expect.any(String), NEW_TXID]);
    });

    it('acknowledges a record that was stored before without storing it again', () => {
      const { facts, acknowledged, log } = upgraded;
      expect(acknowledged).toEqual([facts.lastRecord.txid, NEW_TXID]);
      const old = facts.entries.map(({ topic, txid, createdMs }) => ({ topic, txid, createdMs }));
      expect(log.slice(0, old.length)).toEqual(old);
      expect(log.slice(old.length).map(({ topic, txid }) => [topic, txid])).toEqual([
        ['connectivity', expect.any(String)],
        ['V', NEW_TXID],
      ]);
    });

    it('causes no log line about a gap, a loss or an error', () => {
      const lines = upgraded.logLines().filter(({ level, event }) => level === 'error' || /gap|lost/.test(`${event}`));
      expect(lines).toEqual([]);
    });
  });
}

/** Starts the current processes on the data; a vehicle reconnects and sends a new record. Returns what was observed. */
async function startUpgraded({ folder, facts: recorded }: ReleaseData, cleanUp: (() => unknown)[]) {
  const endpoint = await startEndpoint(cleanUp);
  const facts = moveToNow(folder, recorded, endpoint.port);
  const keysBefore = digestsOfKeys(folder, facts);
  // As `fleetbridge up` does at each start. Certificates expire and may be renewed; their keys must stay.
  const pki = ensureDevelopmentPki({ directory: join(folder, 'pki'), hosts: [], vins: [facts.vin] });
  const keysAfter = digestsOfKeys(folder, facts);
  const redisUrl = await startRedisOn(join(folder, 'redis'), cleanUp);

  const logLines: Record<string, unknown>[] = [];
  const env = { REDIS_URL: redisUrl, DATA_DIR: folder, LOG_FORMAT: 'json', SHUTDOWN_SECONDS: '5' };
  const onLine = (line: string) => logLines.push(JSON.parse(line));
  const start = (app: string, own: Record<string, string>) => startApp(app, { ...env, ...own }, { cleanUp, onLine });
  const [, ingest, streaming] = await Promise.all([
    start('dispatcher', { DISPATCHER_ADMIN_PORT: '0' }),
    start('ingest', {
      INGEST_HOST: '127.0.0.1',
      INGEST_PORT: '0',
      INGEST_ADMIN_PORT: '0',
      INGEST_WORKERS: '1',
      INGEST_CA_FILE: pki.vehicleAuthority.certFile,
      ALLOWED_VINS: facts.vin,
    }),
    start('streaming', {
      STREAMING_BIND: '127.0.0.1',
      STREAMING_PORT: '0',
      STREAMING_GRPC_PORT: '0',
      STREAMING_ADMIN_PORT: '0',
    }),
  ]);
  const caPem = readFileSync(pki.serverAuthority.certFile, 'utf8');
  const site = { origin: `https://127.0.0.1:${streaming.clients}`, caPem };
  const path = `/vehicles/${facts.vin}?token=`;
  const [snapshot, withWrongToken] = await Promise.all([
    getText(site, path + facts.token),
    getText(site, `${path}another`),
  ]);

  // The subscription was paused when the release stopped, and stays paused until its operator resumes it.
  const deliveredWhilePaused = endpoint.deliveries.length;
  const resumed = promisify(execFile)(
    process.execPath,
    [join(appsFolder, 'cli/dist/main.js'), 'subscription', 'resume', facts.subscription.name],
    { env: { PATH: process.env.PATH, ...env } },
  );
  // The failure is reported where the promise is awaited.
  resumed.catch(() => {});

  const client = new TeslaMateClient({
    url: `wss://127.0.0.1:${streaming.clients}`,
    token: facts.token,
    tag: facts.vin,
    caPem,
  });
  cleanUp.push(() => client.stop());
  await client.connect();
  // The tests report missing frames and show the received ones.
  await client.waitFor(({ frames }) => frames.length >= facts.client.frames.length).catch(() => {});
  const acknowledged = await resendAndSendNew(facts, {
    url: `wss://127.0.0.1:${ingest.vehicles}/`,
    ...pki.vehicles.get(facts.vin)!,
    caPem,
    cleanUp,
  });
  await client.waitFor(({ frames }) => frames.some(({ speed }) => speed === NEW_SPEED)).catch(() => {});
  const log = await readLog(site, facts);
  await resumed;
  await eventually(() => endpoint.deliveries.some(({ txid }) => txid === NEW_TXID)).catch(() => {});
  return {
    facts,
    keysBefore,
    keysAfter,
    snapshot,
    withWrongToken,
    client,
    frames: frameValues(client),
    deliveredWhilePaused,
    deliveries: endpoint.deliveries,
    acknowledged,
    log,
    logLines: () => logLines,
  };
}

/**
 * Shifts the data in time, so that the release appears to have stopped two seconds ago, and its subscription to our port.
 * Without this, the longest RESUME_WINDOW and RETENTION_HOURS would be over at some time after the data was frozen, and
 * Redis would expire keys at once, because the append-only file contains absolute times. Everything that depends
 * on a clock is in that file as decimal milliseconds: entry ids, times of records and of slots, expiries. Thirteen
 * digits stay thirteen, so the lengths in the file remain correct. Times within payloads are not shifted, because no
 * process uses them once a record is stored.
 */
function moveToNow(folder: string, facts: ReleaseFacts, port: number): ReleaseFacts {
  const byMs = Date.now() - 2_000 - facts.stoppedMs;
  // All times of slots and leases are within this range; other long numbers are not times.
  const [firstMs, lastMs] = [facts.startedMs - 3_600_000, facts.stoppedMs + 30 * 86_400_000];
  const moved = (text: string) =>
    text.replace(/(?<!\d)1\d{12}(?!\d)/g, (digits) => {
      const ms = Number(digits);
      return ms >= firstMs && ms <= lastMs ? String(ms + byMs) : digits;
    });
  const place = (number: number) => `http://127.0.0.1:${number}/`;
  if (place(port).length !== place(facts.subscription.port).length) {
    throw new Error(`port ${port} has a different length than ${facts.subscription.port}`);
  }
  const log = join(folder, 'redis', 'appendonlydir');
  for (const name of readdirSync(log).filter((one) => one.endsWith('.incr.aof'))) {
    const file = join(log, name);
    const text = moved(readFileSync(file, 'latin1')).replaceAll(place(facts.subscription.port), place(port));
    writeFileSync(file, text, 'latin1');
  }
  const { snapshot, lastRecord, keys, ...rest } = facts;
  const isTime = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;
  const later = (_: string, value: unknown) =>
    typeof value === 'string' && isTime.test(value) ? new Date(Date.parse(value) + byMs).toISOString() : value;
  return {
    ...JSON.parse(moved(JSON.stringify(rest))),
    snapshot: JSON.parse(JSON.stringify(snapshot), later),
    lastRecord,
    keys,
  };
}

export function digestsOfKeys(folder: string, { keys }: Pick<ReleaseFacts, 'keys'>): Record<string, string> {
  const digest = (name: string) =>
    createHash('sha256')
      .update(readFileSync(join(folder, 'pki', name)))
      .digest('hex');
  return Object.fromEntries(Object.keys(keys).map((name) => [name, digest(name)]));
}

async function startEndpoint(cleanUp: (() => unknown)[]) {
  const deliveries: { id: string; txid: string }[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    const { message } = JSON.parse(body);
    deliveries.push({ id: message.messageId, txid: message.attributes.txid });
    response.writeHead(204).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { deliveries, port: (server.address() as AddressInfo).port };
}

/** Redis with the settings of `fleetbridge up`, except for the password. */
async function startRedisOn(folder: string, cleanUp: (() => unknown)[]): Promise<string> {
  const port = await freePort();
  const settings = { bind: '127.0.0.1', port, dir: folder, save: '', appendonly: 'yes', appendfsync: 'always' };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn(process.env.REDIS_SERVER ?? 'redis-server', args, { stdio: 'ignore' });
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`redis-server exited with code ${code}`)));
  });
  failed.catch(() => {});
  cleanUp.push(async () => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  await Promise.race([eventually(async () => (await sendRedisCommand(port, 'PING')) === 'PONG'), failed]);
  return `redis://127.0.0.1:${port}`;
}

/** The vehicle reconnects with the old key of its certificate. Resolves with the acknowledged txids. */
async function resendAndSendNew(
  { vin, lastRecord }: ReleaseFacts,
  to: { url: string; certFile: string; keyFile: string; caPem: string; cleanUp: (() => unknown)[] },
): Promise<string[]> {
  const connection = await connectVehicle({
    url: to.url,
    certificatePem: readFileSync(to.certFile, 'utf8'),
    keyPem: readFileSync(to.keyFile, 'utf8'),
    caPem: to.caPem,
  });
  to.cleanUp.push(() => connection.terminate());
  const acknowledged: string[] = [];
  connection.onAck((txid) => acknowledged.push(txid));
  const send = async (txid: string, topic: string, payload: Uint8Array) => {
    const createdAtSeconds = Math.floor(Date.now() / 1_000);
    connection.send({ txid, topic, payload, senderId: `vehicle_device.${vin}`, createdAtSeconds });
    await eventually(() => acknowledged.includes(txid));
  };
  await send(lastRecord.txid, lastRecord.topic, Buffer.from(lastRecord.payload, 'base64'));
  const data: Datum[] = [{ key: Field.VehicleSpeed, value: { doubleValue: NEW_SPEED } }];
  await send(NEW_TXID, 'V', encodeMessage('V', { data, createdAt: timestampOf(Date.now()), vin }));
  return acknowledged;
}

interface Site {
  origin: string;
  caPem: string;
}

export function getText({ origin, caPem }: Site, path: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const request = get(origin + path, { ca: caPem, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    request.once('error', reject);
  });
}

/** The log from its beginning up to the record that was sent last, as server-sent events. */
function readLog(
  { origin, caPem }: Site,
  { token, startedMs }: ReleaseFacts,
): Promise<{ topic: string; txid: string; createdMs: number }[]> {
  const from = new Date(startedMs - 3_600_000).toISOString();
  return new Promise((resolve, reject) => {
    const request = get(`${origin}/events?from=${from}&token=${token}`, { ca: caPem, agent: false }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`the log could not be read: status ${response.statusCode}`));
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
        const records = [...text.matchAll(/^data: (.*)\n/gm)].map(([, json]) => recordOf(json!));
        if (records.at(-1)?.txid !== NEW_TXID) return;
        resolve(records);
        request.destroy();
      });
    });
    request.once('error', reject);
    request.setTimeout(10_000, () => request.destroy(new Error('the log ends without the new record')));
  });
}

function recordOf(json: string) {
  const { topic, txid, created_at: createdAt } = JSON.parse(json) as Record<string, string>;
  return { topic: topic!, txid: txid!, createdMs: Date.parse(createdAt!) };
}

function frameValues({ messages }: TeslaMateClient): string[] {
  return messages
    .map(({ text }) => JSON.parse(text) as { msg_type: string; value: string })
    .flatMap(({ msg_type: kind, value }) => (kind === 'data:update' ? [value] : []));
}

// Ingest whose own log can't be written: its records, acks and admin port must not notice.
import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Presence } from '@fleetbridge/store';
import { eventually } from '@fleetbridge/testing';
import { afterEach, describe, expect } from 'vitest';
import type { ReadyMessage } from './ingest-process.js';
import type { TestPki } from './ingest-rig.js';
import { it } from './ingest-test.js';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const DROPPED = /^fleetbridge_log_lines_dropped_total\{app="ingest"\} (\d+)$/m;

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

describe('while stdout', () => {
  it.skipIf(!existsSync('/dev/full'))(
    'is on a full disk, vehicles get their acks and a stop drains',
    async ({ redisServer, namespace, pki, processes, store }) => {
      const fd = openSync('/dev/full', 'w');
      const ingest = start({ url: redisServer.url, namespace, pki, stdout: fd });
      closeSync(fd);
      const { ports } = await ingest.ready;
      const vehicle = await processes.connect(ports.vehicles);
      await vehicle.fence('a');
      await eventually(async () => (await ingest.dropped()) >= 3);
      await vehicle.fence('b');
      ingest.child.kill('SIGTERM');
      expect(await vehicle.closed).toBe(1001);
      expect(await ingest.exited).toBe(0);
      expect(await new Presence(store).all()).toEqual([]);
    },
  );

  it.for(['1', '2'])(
    'is not read, vehicles get their acks, with INGEST_WORKERS=%s',
    async (workers, { redisServer, namespace, pki, processes }) => {
      // Logs every record: the pipe is full after a few hundred, the queue after some thousands.
      const env = { INGEST_WORKERS: workers, LOG_RECORDS: 'V', VEHICLE_BYTES_PER_MINUTE: '0' };
      const ingest = start({ url: redisServer.url, namespace, pki, stdout: 'pipe', env });
      const { ports } = await ingest.ready;
      const vehicle = await processes.connect(ports.vehicles);
      let sent = 0;
      await eventually(async () => {
        for (let n = 0; n < 50; n++) vehicle.send({ txid: `tx-${sent++}`, textLength: 20_000 });
        await eventually(() => vehicle.acks().length === sent);
        return (await ingest.dropped()) > 0;
      });
      expect((await fetch(`http://127.0.0.1:${ports.admin}/healthz`)).status).toBe(200);
      ingest.child.kill('SIGTERM');
      expect(await vehicle.closed).toBe(1001);
      expect(await ingest.exited).toBe(0);
    },
  );

  it('is closed by its reader, vehicles get their acks', async ({ redisServer, namespace, pki, processes }) => {
    const ingest = start({ url: redisServer.url, namespace, pki, stdout: 'pipe' });
    const { ports } = await ingest.ready;
    ingest.child.stdout!.destroy();
    const vehicle = await processes.connect(ports.vehicles);
    await vehicle.fence('a');
    await eventually(async () => (await ingest.dropped()) > 0);
    await vehicle.fence('b');
  });
});

function start(options: {
  url: string;
  namespace: string;
  pki: TestPki;
  stdout: 'pipe' | number;
  env?: Record<string, string>;
}) {
  const child = fork(main, {
    env: {
      PATH: process.env.PATH,
      REDIS_URL: options.url,
      NAMESPACE: options.namespace,
      DATA_DIR: options.pki.dataDir,
      INGEST_HOST: '127.0.0.1',
      INGEST_PORT: '0',
      INGEST_ADMIN_PORT: '0',
      INGEST_WORKERS: '1',
      ...options.env,
    },
    stdio: ['ignore', options.stdout, 'inherit', 'ipc'],
  });
  children.push(child);
  const ready = new Promise<ReadyMessage>((resolve, reject) => {
    child.once('message', (message) => resolve(message as ReadyMessage));
    child.once('exit', (code) => reject(new Error(`ended with ${code}`)));
  });
  return {
    child,
    ready,
    exited: new Promise<number | null>((resolve) => child.once('exit', resolve)),
    async dropped(): Promise<number> {
      const { ports } = await ready;
      const page = await (await fetch(`http://127.0.0.1:${ports.admin}/metrics`)).text();
      return Number(DROPPED.exec(page)?.[1] ?? 0);
    },
  };
}

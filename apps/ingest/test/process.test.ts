// The process as a supervisor starts it: `node dist/main.js`.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type DisposableRedis, eventually, startRedis } from '@fleetbridge/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createIngestProcesses } from './ingest-process.js';
import { createTestPki, type TestPki } from './ingest-rig.js';

let redis: DisposableRedis;
let pki: TestPki;
const processes = createIngestProcesses(() => ({ redisUrl: redis.url, pki }));
const { start: startProcess, connect } = processes;

beforeAll(async () => {
  redis = await startRedis();
  pki = createTestPki();
});
afterEach(() => processes.killAll());
afterAll(async () => {
  pki.dispose();
  await redis.stop();
});

describe('the process', () => {
  it('is ready over IPC, takes records, and stops on SIGTERM with 0 after saying goodbye', async () => {
    const ingest = startProcess();
    const ready = await ingest.ready;
    expect(ready).toEqual({
      type: 'ready',
      name: 'ingest',
      ports: { vehicles: expect.any(Number), admin: expect.any(Number) },
    });
    const vehicle = await connect(ready.ports.vehicles);
    await vehicle.fence();
    ingest.child.kill('SIGTERM');
    expect(await vehicle.closed).toBe(1001);
    expect(await ingest.exited).toBe(0);
    expect(ingest.stderr()).toBe('');
    expect(ingest.events()).toEqual([
      'redis_reachable',
      'failover_may_lose_records',
      'ingest_ready',
      'vehicle_connected',
      'ingest_stopping',
      'vehicle_disconnected',
      'ingest_stopped',
    ]);
  });

  it('killed with -9 loses no acknowledged record, and its vehicle is back in the next one', async () => {
    const env = { NAMESPACE: 'killed' };
    const first = startProcess(env);
    const vehicle = await connect((await first.ready).ports.vehicles);
    await vehicle.fence('a');
    first.child.kill('SIGKILL');
    expect(await vehicle.closed).toBe(1006);
    await first.exited;
    const second = startProcess(env);
    const again = await connect((await second.ready).ports.vehicles);
    again.send({ txid: 'a', isResend: true });
    await again.fence('b');
    expect(again.acks()).toEqual(['a', 'b']);
  });

  it('stops with 0 also while it still waits for Redis', async () => {
    const ingest = startProcess({ REDIS_URL: 'redis://127.0.0.1:1' });
    await eventually(() => ingest.events().includes('redis_unreachable'));
    ingest.child.kill('SIGTERM');
    expect(await ingest.exited).toBe(0);
    expect(ingest.stderr()).toBe('');
  });
});

describe('a start that cannot succeed', () => {
  it('because of its variables lists every mistake and exits with 2', async () => {
    const ingest = startProcess({
      REDIS_URL: 'http://example.com',
      PARTITIONS: '0',
      INGEST_PORT: 'banana',
      INGEST_CA_FILE: path.join(pki.directory, 'server-ca.pem'),
      ACK_REPLICAS: '-1',
    });
    expect(await ingest.exited).toBe(2);
    expect(ingest.stderr().split('\n')).toEqual([
      'The configuration has 5 mistakes:',
      expect.stringMatching(/^ {2}REDIS_URL: expected .*redis/),
      expect.stringMatching(/^ {2}PARTITIONS: expected a whole number/),
      expect.stringMatching(/^ {2}INGEST_PORT: expected a port number from 0 to 65535, got "banana"/),
      expect.stringMatching(/^ {2}ACK_REPLICAS: expected a whole number/),
      expect.stringMatching(/^ {2}ALLOWED_VINS: must be set when vehicles are not those of the development CA/),
      '',
    ]);
  });

  it('because of its certificate files names each file and its variable, and exits with 2', async () => {
    const dataDir = mkdtempSync(path.join(tmpdir(), 'fleetbridge-ingest-'));
    mkdirSync(path.join(dataDir, 'pki'));
    writeFileSync(path.join(dataDir, 'pki', 'ca.pem'), 'no certificate');
    const ingest = startProcess({ DATA_DIR: dataDir });
    expect(await ingest.exited).toBe(2);
    expect(ingest.stderr()).toMatch(/^The configuration has 2 mistakes:\n {2}INGEST_CERT_FILE: no file .*server\.pem/);
    expect(ingest.stderr()).toMatch(/ {2}INGEST_CA_FILE: .*ca\.pem: no certificate in it/);
    rmSync(dataDir, { recursive: true });
  });

  it('because the log is laid out otherwise says how, and exits with 2', async () => {
    const first = startProcess({ NAMESPACE: 'laid-out' });
    await first.ready;
    const second = startProcess({ NAMESPACE: 'laid-out', PARTITIONS: '4' });
    expect(await second.exited).toBe(2);
    expect(second.stderr()).toMatch(/has 1 partitions, PARTITIONS says 4/);
  });

  it.each(['INGEST_PORT', 'INGEST_ADMIN_PORT'])(
    'because a port is in use names %s, and exits with 1',
    async (variable) => {
      const squatter = createServer();
      await new Promise<void>((listening) => squatter.listen(0, '127.0.0.1', listening));
      const { port } = squatter.address() as { port: number };
      const ingest = startProcess({ [variable]: String(port) });
      expect(await ingest.exited).toBe(1);
      expect(ingest.stderr()).toMatch(new RegExp(`port ${port} .* is in use by another process; .* ${variable}:`));
      squatter.close();
    },
  );
});

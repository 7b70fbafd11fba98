// The process as a supervisor starts it: `node dist/main.js`.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Presence } from '@fleetbridge/store';
import { eventually } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import { it } from './ingest-test.js';

describe('the process', () => {
  it('reports ready over IPC, accepts records, and on SIGTERM closes its connections and exits with 0', async ({
    processes,
  }) => {
    const ingest = processes.start();
    const ready = await ingest.ready;
    expect(ready).toEqual({
      type: 'ready',
      name: 'ingest',
      ports: { vehicles: expect.any(Number), admin: expect.any(Number) },
    });
    const vehicle = await processes.connect(ready.ports.vehicles);
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

  it.for(['1', '2'])(
    'drains on SIGHUP, silent vehicles included, with INGEST_WORKERS=%s',
    async (workers, { processes, store }) => {
      const ingest = processes.start({ INGEST_WORKERS: workers, SHUTDOWN_SECONDS: '2' });
      const { ports } = await ingest.ready;
      const vehicle = await processes.connect(ports.vehicles);
      const silent = await processes.connect(ports.vehicles, '5YJ3E1EA7KF000002');
      for (const one of [vehicle, silent]) await one.fence();
      silent.connection.pause();
      ingest.child.kill('SIGHUP');
      expect(await vehicle.closed).toBe(1001);
      expect(await ingest.exited).toBe(0);
      expect(ingest.lines()).toContainEqual(expect.objectContaining({ event: 'ingest_stopping', reason: 'SIGHUP' }));
      expect(await new Presence(store).all()).toEqual([]);
    },
  );

  it('loses no acknowledged record when it is killed with -9, and the next process accepts its vehicle', async ({
    processes,
  }) => {
    const first = processes.start();
    const vehicle = await processes.connect((await first.ready).ports.vehicles);
    await vehicle.fence('a');
    first.child.kill('SIGKILL');
    expect(await vehicle.closed).toBe(1006);
    await first.exited;
    const second = processes.start();
    const again = await processes.connect((await second.ready).ports.vehicles);
    again.send({ txid: 'a', isResend: true });
    await again.fence('b');
    expect(again.acks()).toEqual(['a', 'b']);
  });

  it('exits with 0 on SIGTERM while it still waits for Redis', async ({ processes }) => {
    const ingest = processes.start({ REDIS_URL: 'redis://127.0.0.1:1' });
    await eventually(() => ingest.events().includes('redis_unreachable'));
    ingest.child.kill('SIGTERM');
    expect(await ingest.exited).toBe(0);
    expect(ingest.stderr()).toBe('');
  });
});

describe('a start that cannot succeed', () => {
  it('because of its variables lists every mistake and exits with 2', async ({ pki, processes }) => {
    const ingest = processes.start({
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

  it('because of its certificate files names each file and its variable, and exits with 2', async ({ processes }) => {
    const dataDir = mkdtempSync(path.join(tmpdir(), 'fleetbridge-ingest-'));
    mkdirSync(path.join(dataDir, 'pki'));
    writeFileSync(path.join(dataDir, 'pki', 'ca.pem'), 'no certificate');
    const ingest = processes.start({ DATA_DIR: dataDir });
    expect(await ingest.exited).toBe(2);
    expect(ingest.stderr()).toMatch(/^The configuration has 2 mistakes:\n {2}INGEST_CERT_FILE: no file .*server\.pem/);
    expect(ingest.stderr()).toMatch(/ {2}INGEST_CA_FILE: .*ca\.pem: no certificate in it/);
    rmSync(dataDir, { recursive: true });
  });

  it('because the log has another number of partitions reports both numbers, and exits with 2', async ({
    processes,
  }) => {
    const first = processes.start();
    await first.ready;
    const second = processes.start({ PARTITIONS: '4' });
    expect(await second.exited).toBe(2);
    expect(second.stderr()).toMatch(/has 1 partitions, expected 4 \(PARTITIONS\)/);
  });

  it.for(['INGEST_PORT', 'INGEST_ADMIN_PORT'])(
    'because a port is in use names %s, and exits with 1',
    async (variable, { processes }) => {
      const other = createServer();
      await new Promise<void>((listening) => other.listen(0, '127.0.0.1', listening));
      const { port } = other.address() as { port: number };
      const ingest = processes.start({ [variable]: String(port) });
      expect(await ingest.exited).toBe(1);
      expect(ingest.stderr()).toMatch(new RegExp(`port ${port} .* is in use by another process; .* ${variable}:`));
      other.close();
    },
  );
});

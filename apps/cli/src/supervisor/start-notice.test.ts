import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@fleetbridge/testing';
import { expect, it } from 'vitest';
import { ensurePortsFree, ensureWritable } from './preflight.js';
import { withNotices } from './start-notice.js';

it('shows what a process waits for until it has started', async () => {
  const server = createServer((_, response) => {
    const checks = { redis: { ready: false, reason: 'unreachable' }, workers: { ready: true } };
    response.writeHead(503).end(JSON.stringify({ ready: false, checks }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const lines: string[] = [];
  let started = () => {};
  const start = new Promise<void>((resolve) => {
    started = resolve;
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const waiting = withNotices(start, { name: 'ingest', url, print: (line) => lines.push(line), intervalMs: 10 });
  await eventually(() => lines.length > 1);
  expect(lines[0]).toBe(`waiting for ingest since 0 s (redis: unreachable); see ${url}/`);
  started();
  await waiting;
  server.close();
});

it('names every port that is in use, with its variable', async () => {
  const servers = [createServer(), createServer()];
  for (const server of servers) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const [one, two] = servers.map((server) => (server.address() as AddressInfo).port);
  const host = '127.0.0.1';
  const wanted = [
    { variable: 'INGEST_PORT', port: one!, host },
    { variable: 'STREAMING_PORT', port: 0, host },
    { variable: 'STREAMING_ADMIN_PORT', port: two!, host },
  ];
  await expect(ensurePortsFree(wanted)).rejects.toThrow(
    `port ${one} is already in use; stop the other program, or set INGEST_PORT\nport ${two} is already in use; stop the other program, or set STREAMING_ADMIN_PORT`,
  );
  for (const server of servers) server.close();
});

it('names the reason why DATA_DIR can not be written', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fleetbridge-data-'));
  const file = join(folder, 'file');
  writeFileSync(file, '');
  expect(() => ensureWritable(file)).toThrow(`DATA_DIR ${file} can't be written (it is a file); choose another`);
  expect(() => ensureWritable(join(file, 'data'))).toThrow('(a part of the path is a file)');
  expect(() => ensureWritable('/proc/fleetbridge')).toThrow(/^DATA_DIR \/proc\/fleetbridge can't be written \(/);
  ensureWritable(join(folder, 'new', 'data'));
  rmSync(folder, { recursive: true });
});

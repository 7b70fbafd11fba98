// The health check of the images against a local HTTP server.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

let status = 200;
const server = createServer(({ url }, response) =>
  response.writeHead(url === '/readyz' ? status : 404).end('{"checks":{}}'),
);
let port = 0;

beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  port = (server.address() as AddressInfo).port;
});
afterAll(() => server.close());

it('is healthy when the admin port reports ready, and prints its answer', async () => {
  status = 200;
  expect(await check(port)).toEqual({ code: 0, stdout: '{"checks":{}}' });
});

it('is unhealthy when the admin port reports not ready or does not answer', async () => {
  status = 503;
  expect(await check(port)).toEqual({ code: 1, stdout: '{"checks":{}}' });
  expect(await check(1)).toMatchObject({ code: 1, stdout: expect.stringContaining('ECONNREFUSED') });
});

it('uses the port of the variable if it is set', async () => {
  status = 200;
  expect(await check(1, { SOME_PORT: String(port) })).toMatchObject({ code: 0 });
});

function check(defaultPort: number, env: Record<string, string> = {}): Promise<{ code: unknown; stdout: string }> {
  const script = join(import.meta.dirname, '../container/healthcheck.mjs');
  return new Promise((resolve) => {
    execFile(process.execPath, [script, 'SOME_PORT', String(defaultPort)], { env }, (error, stdout) =>
      resolve({ code: error === null ? 0 : error.code, stdout }),
    );
  });
}

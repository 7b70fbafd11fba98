import { afterEach, expect, test } from 'vitest';
import { createLogger } from '../log/index.js';
import { createMetrics } from '../metrics/metrics.js';
import { createReadiness } from '../process/readiness.js';
import { type AdminServer, type AdminServerOptions, startAdminServer } from './admin-server.js';
import { ListenError } from './errors.js';

const running: AdminServer[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()));
});

async function start(options: Partial<AdminServerOptions> = {}) {
  const lines: string[] = [];
  const readiness = createReadiness();
  const server = await startAdminServer({
    host: '127.0.0.1',
    port: 0,
    portVariable: 'INGEST_ADMIN_PORT',
    registry: createMetrics({ app: 'ingest', defaultMetrics: false }).registry,
    readiness,
    log: createLogger({ name: 'ingest', destination: { write: (line) => void lines.push(line) } }),
    ...options,
  });
  running.push(server);
  const get = (path: string) => fetch(`http://${server.address.host}:${server.address.port}${path}`);
  return { server, readiness, lines, get };
}

test('/healthz responds with 200, ready or not', async () => {
  const { get } = await start();
  const response = await get('/healthz');
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ status: 'ok' });
});

test('/readyz follows the checks and names the cause', async () => {
  const { get, readiness } = await start();
  readiness.set('redis', { ready: false, reason: 'loading' });
  const before = await get('/readyz');
  expect(before.status).toBe(503);
  expect(await before.json()).toEqual({ ready: false, checks: { redis: { ready: false, reason: 'loading' } } });

  readiness.set('redis', { ready: true });
  const after = await get('/readyz');
  expect(after.status).toBe(200);
  expect(await after.json()).toEqual({ ready: true, checks: { redis: { ready: true } } });
});

test('/metrics is the registry in the format that Prometheus reads', async () => {
  const metrics = createMetrics({ app: 'ingest', defaultMetrics: false });
  metrics.counter({ name: 'records_total', help: 'Records.' }).inc();
  const { get } = await start({ registry: metrics.registry });
  const response = await get('/metrics');
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(await response.text()).toContain('records_total{app="ingest"} 1');
});

test('an app adds its own routes, and an exception in one is logged, not shown to the client', async () => {
  const { get, lines } = await start({
    routes: (server) => {
      server.get('/status', () => ({ vehicles: 1 }));
      server.get('/broken', () => {
        throw new Error('hunter2');
      });
    },
  });
  expect(await (await get('/status')).json()).toEqual({ vehicles: 1 });
  const broken = await get('/broken');
  expect(broken.status).toBe(500);
  expect(await broken.text()).not.toContain('hunter2');
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    event: 'admin_request_failed',
    route: '/broken',
    err: { message: 'hunter2' },
  });
});

test('a port in use is reported with the variable that sets it', async () => {
  const { server } = await start();
  const { port } = server.address;
  await expect(start({ port })).rejects.toSatisfy(
    (error) =>
      error instanceof ListenError && error.message.includes(`port ${port}`) && error.variable === 'INGEST_ADMIN_PORT',
  );
});

test('stopping waits neither for idle connections nor for an unanswered request, and can be called twice', async () => {
  let arrived = () => {};
  const arrival = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const { server, get } = await start({
    routes: (fastify) => {
      fastify.get('/hangs', () => {
        arrived();
        return new Promise(() => {});
      });
    },
  });
  // fetch keeps this connection open for the next request.
  await (await get('/healthz')).text();
  const unanswered = expect(get('/hangs')).rejects.toThrow();
  await arrival;
  await Promise.all([server.stop(), server.stop()]);
  await unanswered;
  await expect(get('/healthz')).rejects.toThrow();
});

test('/ leads to what the port has and to the status page, unless the app has a page of its own', async () => {
  const { get } = await start();
  const page = await (await get('/')).text();
  for (const link of ['/readyz', '/metrics', 'http://localhost:8081/']) expect(page).toContain(`href="${link}"`);
  const own = await start({ routes: (server) => void server.get('/', () => 'own') });
  expect(await (await own.get('/')).text()).toBe('own');
});

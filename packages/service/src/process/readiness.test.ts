import { expect, test } from 'vitest';
import { MergedMetrics } from '../metrics/merged-metrics.js';
import { createMetrics } from '../metrics/metrics.js';
import { createReadiness, measureReadiness } from './readiness.js';

test('is ready when every check is, and not without any check', () => {
  const readiness = createReadiness();
  expect(readiness.report()).toEqual({ ready: false, checks: {} });
  readiness.set('redis', { ready: true });
  expect(readiness.report().ready).toBe(true);
  readiness.set('lease', { ready: false, reason: 'lease_lost' });
  expect(readiness.report()).toEqual({
    ready: false,
    checks: { redis: { ready: true }, lease: { ready: false, reason: 'lease_lost' } },
  });
});

test('declared checks fail until they are set', () => {
  const readiness = createReadiness({ checks: ['redis', 'server'] });
  readiness.set('redis', { ready: true });
  expect(readiness.report()).toMatchObject({ ready: false, checks: { server: { ready: false, reason: 'starting' } } });
  readiness.set('server', { ready: true });
  expect(readiness.report().ready).toBe(true);
});

test('set returns whether the check changed', () => {
  const readiness = createReadiness({ checks: ['redis'] });
  expect(readiness.set('redis', { ready: true })).toBe(true);
  expect(readiness.set('redis', { ready: true })).toBe(false);
  expect(readiness.set('redis', { ready: false, reason: 'away' })).toBe(true);
  expect(readiness.set('redis', { ready: false, reason: 'loading' })).toBe(true);
});

test('a stopping process is not ready, whatever its checks', () => {
  const abort = new AbortController();
  const readiness = createReadiness({ signal: abort.signal });
  readiness.set('redis', { ready: true });
  abort.abort();
  expect(readiness.report()).toMatchObject({ ready: false, checks: { process: { ready: false, reason: 'stopping' } } });
});

test('readiness is exported as a gauge, and of several workers the worst one decides', async () => {
  const workers = [true, false].map((ready) => {
    const { registry, gauge } = createMetrics({ app: 'a', defaultMetrics: false });
    const readiness = createReadiness();
    readiness.set('redis', { ready });
    measureReadiness({ gauge }, readiness);
    return registry;
  });
  expect(await workers[0]!.metrics()).toMatch(/^fleetbridge_ready\{app="a"\} 1$/m);
  const pages = await Promise.all(workers.map((registry) => registry.getMetricsAsJSON()));
  expect(await new MergedMetrics().merge(pages).metrics()).toMatch(/^fleetbridge_ready\{app="a"\} 0$/m);
});

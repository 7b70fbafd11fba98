import { register } from 'prom-client';
import { expect, test } from 'vitest';
import { createMetrics } from './metrics.js';

test('metrics are in a registry per app and have the label app', async () => {
  const [one, two] = [
    createMetrics({ app: 'one', defaultMetrics: false }),
    createMetrics({ app: 'two', defaultMetrics: false }),
  ];
  const records = one.counter({ name: 'records_total', help: 'Records.', labelNames: ['topic'] });
  records.inc({ topic: 'V' }, 2);
  one.gauge({ name: 'sockets', help: 'Sockets.' }).set(3);
  one.histogram({ name: 'append_seconds', help: 'Appends.', buckets: [1] }).observe(0.5);
  two.counter({ name: 'records_total', help: 'Records.' });

  const text = await one.registry.metrics();
  expect(text).toContain('records_total{topic="V",app="one"} 2');
  expect(text).toContain('sockets{app="one"} 3');
  expect(text).toContain('append_seconds_bucket{le="1",app="one"} 1');
  expect(await two.registry.metrics()).toContain('records_total{app="two"} 0');
  expect(register.getMetricsAsArray()).toEqual([]);
});

test('the default metrics include the delay of the event loop', async () => {
  const { registry } = createMetrics({ app: 'ingest' });
  const text = await registry.metrics();
  expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds\{app="ingest"\} /m);
  expect(text).toMatch(/^process_cpu_seconds_total\{app="ingest"\} /m);
});

test('numbers of the program are read on each scrape', async () => {
  const { registry, total, level, totalByName } = createMetrics({ app: 'test', defaultMetrics: false });
  const counts = { stored: 1, open: 5, refused: {} as Record<string, number> };
  total('stored_total', 'h', () => counts.stored);
  level('open', 'h', () => counts.open);
  totalByName('refused_total', 'h', 'reason', () => counts.refused);
  await registry.metrics();
  counts.stored = 7;
  counts.open = 2;
  counts.refused.too_big = 3;
  const text = await registry.metrics();
  expect(text).toContain('stored_total{app="test"} 7');
  expect(text).toContain('open{app="test"} 2');
  expect(text).toContain('refused_total{reason="too_big",app="test"} 3');
});

import { expect, it } from 'vitest';
import { MergedMetrics } from './merged-metrics.js';
import { createMetrics } from './metrics.js';

it('sums the counters of running and exited processes, and the gauges of running ones only', async () => {
  const merged = new MergedMetrics();
  await merged.retire(await counted(5, 100));
  await merged.retire(await counted(7, 100));
  const text = await merged.merge([await counted(1, 2), await counted(2, 3)]).metrics();
  expect(text).toMatch(/^frames_total\{app="x"\} 15$/m);
  expect(text).toMatch(/^clients\{app="x"\} 5$/m);
});

async function counted(frames: number, clients: number) {
  const metrics = createMetrics({ app: 'x', defaultMetrics: false });
  metrics.total('frames_total', 'Frames.', () => frames);
  metrics.level('clients', 'Clients.', () => clients);
  return await metrics.registry.getMetricsAsJSON();
}

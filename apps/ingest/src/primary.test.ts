import { createMetrics, MergedMetrics } from '@fleetbridge/service';
import { expect, it } from 'vitest';
import { refusedByReason } from './primary.js';

it('counts refused connections of all workers by reason, whatever the reason and the size of the count', async () => {
  const workers = [
    { vin_not_admitted: 2, 'tls-error': 1 },
    { vin_not_admitted: 3, too_many_connections: 1e21 },
  ].map((refused) => {
    const { registry, totalByName } = createMetrics({ app: 'ingest', defaultMetrics: false });
    totalByName('fleetbridge_ingest_connections_refused_total', 'h', 'reason', () => refused);
    return registry.getMetricsAsJSON();
  });
  const merged = new MergedMetrics().merge(await Promise.all(workers));
  expect(refusedByReason(await merged.getMetricsAsJSON())).toEqual({
    vin_not_admitted: 5,
    'tls-error': 1,
    too_many_connections: 1e21,
  });
});

it('is empty without refused connections', async () => {
  const { registry } = createMetrics({ app: 'ingest', defaultMetrics: false });
  expect(refusedByReason(await registry.getMetricsAsJSON())).toEqual({});
});

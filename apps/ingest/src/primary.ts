// The primary of several workers. It serves no vehicle: node:cluster distributes the connections to the workers, which
// ingest.ts describes. The admin port is here, with the readiness and metrics of all workers together.
import { guardAdminPort } from '@fleetbridge/access';
import { createMetrics, type MetricsAsJson, type RunContext, startAdminServer, WorkerPool } from '@fleetbridge/service';
import { openStore } from '@fleetbridge/store';
import { loadOrAwaitCertificates } from './certificates/index.js';
import { type IngestConfig, withDefaults } from './config.js';
import { CLOCK_BEHIND } from './metrics.js';
import { gatherStatusFacts, statusRoute } from './status/index.js';

/** V8 does not collect the old space below this size (megabytes): under load nearly all garbage is young. */
const OLD_SPACE = '--initial-old-space-size=64';

export interface PrimaryOptions {
  config: IngestConfig;
  workers: number;
  context: Pick<RunContext, 'log' | 'onStop'>;
}

/** Resolves when all workers accept vehicles. Throws ConfigError, ListenError, WorkerStartError. */
export async function startPrimary({ config, workers, context }: PrimaryOptions) {
  const { log } = context;
  // Each worker loads them itself; a mistake is better reported once.
  await loadOrAwaitCertificates(withDefaults(config), log);
  const pool = new WorkerPool({ count: workers, readyWhen: 'every', execArgv: [OLD_SPACE], log });
  // `app` distinguishes its memory and CPU from those of the workers.
  const { registry, total, level } = createMetrics({ app: 'ingest-primary' });
  level('fleetbridge_ingest_workers', 'Configured number of worker processes.', () => workers);
  level('fleetbridge_ingest_workers_ready', 'Worker processes that accept vehicles.', () => pool.ready);
  total(
    'fleetbridge_ingest_workers_replaced_total',
    'Worker processes that died and were replaced.',
    () => pool.replaced,
  );

  const metrics = async () => pool.metrics(await registry.getMetricsAsJSON());
  const readiness = { report: () => pool.report() };
  // Only for the status page: the workers report whether Redis is reachable.
  const store = openStore({
    url: config.REDIS_URL,
    name: 'fleetbridge-ingest-status',
    namespace: config.NAMESPACE,
    partitions: config.PARTITIONS,
  });
  context.onStop('redis', () => store.close());
  const clockBehindSeconds = async () => clockBehindIn(await (await metrics()).getMetricsAsJSON());
  const refused = async () => refusedByReason(await (await metrics()).getMetricsAsJSON());

  const admin = await startAdminServer({
    host: config.ADMIN_HOST,
    port: config.INGEST_ADMIN_PORT,
    portVariable: 'INGEST_ADMIN_PORT',
    registry: { contentType: registry.contentType, metrics: async () => (await metrics()).metrics() },
    readiness,
    guard: guardAdminPort,
    routes: statusRoute(() =>
      gatherStatusFacts({ config, store, readiness, now: Date.now, refused, clockBehindSeconds, env: process.env }),
    ),
    log,
  });
  context.onStop('admin server', () => admin.stop());
  context.onStop('workers', (limits) => pool.stop(limits));
  const { vehicles = 0 } = await pool.start();
  return { ports: { vehicles, admin: admin.address.port } };
}

/** Refused connections of all workers. */
export function refusedByReason(metrics: MetricsAsJson): Record<string, number> {
  const refused = metrics.find(({ name }) => name === 'fleetbridge_ingest_connections_refused_total');
  return Object.fromEntries((refused?.values ?? []).map(({ labels, value }) => [String(labels.reason), value]));
}

/** By the worker that reports the most. */
export function clockBehindIn(metrics: MetricsAsJson): number {
  const values = metrics.find(({ name }) => name === CLOCK_BEHIND)?.values ?? [];
  return Math.max(0, ...values.map(({ value }) => value));
}

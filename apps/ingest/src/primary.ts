// The primary of several workers: it has no vehicle itself. Node's cluster gives each new connection to a worker in turn;
// the operator's port is here and speaks for all. What a worker does is in ingest.ts.

import { createMetrics, type RunContext, startAdminServer } from '@fleetbridge/service';
import { openStore } from '@fleetbridge/store';
import { loadCertificates } from './certificates/index.js';
import { type IngestConfig, withDefaults } from './config.js';
import { gatherStatusFacts, statusRoute } from './status/index.js';
import { WorkerPool } from './worker-pool.js';

export interface PrimaryOptions {
  config: IngestConfig;
  workers: number;
  context: Pick<RunContext, 'log' | 'onStop'>;
}

/** Resolves when all workers take vehicles. Throws ConfigError, ListenError, WorkerStartError. */
export async function startPrimary({ config, workers, context }: PrimaryOptions) {
  const { log } = context;
  // Each worker reads them for itself; what is wrong with them is better said once.
  await loadCertificates(withDefaults(config));
  const pool = new WorkerPool({ count: workers, log });
  // `app` tells its memory and CPU from those of the workers.
  const { registry, total, level } = createMetrics({ app: 'ingest-primary' });
  level('fleetbridge_ingest_workers', 'Workers that are meant to run.', () => workers);
  level('fleetbridge_ingest_workers_ready', 'Workers that take vehicles.', () => pool.readyWorkers);
  total('fleetbridge_ingest_workers_replaced_total', 'Workers that died and were replaced.', () => pool.replaced);

  const metrics = async () => pool.metrics(await registry.getMetricsAsJSON());
  const readiness = { report: () => pool.report() };
  // for the status page alone; whether Redis answers is the workers' to say
  const store = openStore({
    url: config.REDIS_URL,
    name: 'fleetbridge-ingest-status',
    namespace: config.NAMESPACE,
    partitions: config.PARTITIONS,
  });
  context.onStop('redis', () => store.close());
  const refused = async () => refusedIn(await metrics());

  const admin = await startAdminServer({
    host: config.ADMIN_HOST,
    port: config.INGEST_ADMIN_PORT,
    portVariable: 'INGEST_ADMIN_PORT',
    registry: { contentType: registry.contentType, metrics },
    readiness,
    routes: statusRoute(() =>
      gatherStatusFacts({ config, store, readiness, now: Date.now, refused, env: process.env }),
    ),
    log,
  });
  context.onStop('admin server', () => admin.stop());
  context.onStop('workers', (limits) => pool.stop(limits));
  const { vehicles = 0 } = await pool.start();
  return { ports: { vehicles, admin: admin.address.port } };
}

/** By reason, of all workers together. */
function refusedIn(metrics: string): Record<string, number> {
  const lines = metrics.matchAll(/^fleetbridge_ingest_connections_refused_total\{reason="(\w+)".*\} (\d+)$/gm);
  return Object.fromEntries([...lines].map(([, reason, count]) => [reason, Number(count)]));
}

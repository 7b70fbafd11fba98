// The process that holds the ports and serves nobody: so small that nothing ends it, while its workers come and go.
// SIGHUP replaces them one after the other, by new ones that read certificates and code anew.
import { createMetrics, type RunContext, startAdminServer } from '@fleetbridge/service';
import { loadCertificate } from './certificate.js';
import { type StreamingConfig, withDefaults } from './config.js';
import { ConnectionHandoff } from './connection-handoff.js';
import { WorkerPool } from './worker-pool.js';

/** Resolves when the workers serve. Throws ConfigError, ListenError, WorkerStartError. */
export async function startPrimary(config: StreamingConfig, context: Pick<RunContext, 'log' | 'onStop'>) {
  const { log } = context;
  const { bind: host } = withDefaults(config);
  // Each worker reads it for itself; what is wrong with it is better said once.
  await loadCertificate(config);
  const pool = new WorkerPool({
    count: config.STREAMING_WORKERS,
    log,
    onOpen: () => {
      clients.offer();
      grpc.offer();
    },
  });
  const place = { host, hostVariable: 'STREAMING_BIND' };
  const clients = new ConnectionHandoff({
    ...place,
    port: config.STREAMING_PORT,
    variable: 'STREAMING_PORT',
    purpose: 'TeslaMate',
    hand: (connection) => pool.hand('clients', connection),
  });
  const grpc = new ConnectionHandoff({
    ...place,
    port: config.STREAMING_GRPC_PORT,
    variable: 'STREAMING_GRPC_PORT',
    purpose: 'gRPC',
    hand: (connection) => pool.hand('grpc', connection),
  });
  // `app` tells its memory and CPU from those of the workers.
  const { registry, total, level } = createMetrics({ app: 'streaming-primary' });
  level('fleetbridge_streaming_workers', 'Workers that take connections.', () => pool.open);
  total('fleetbridge_streaming_workers_replaced_total', 'Workers that died and were replaced.', () => pool.replaced);
  level(
    'fleetbridge_streaming_connections_waiting',
    'Connections that no worker has taken yet.',
    () => clients.waiting + grpc.waiting,
  );
  const admin = await startAdminServer({
    host: config.ADMIN_HOST,
    port: config.STREAMING_ADMIN_PORT,
    portVariable: 'STREAMING_ADMIN_PORT',
    registry: {
      contentType: registry.contentType,
      metrics: async () => pool.metrics(await registry.getMetricsAsJSON()),
    },
    readiness: { report: () => pool.report() },
    log,
  });
  context.onStop('admin server', () => admin.stop());
  const ports = { clients: await clients.listen(), grpc: 0 };
  context.onStop('port of clients', () => clients.close());
  ports.grpc = await grpc.listen();
  context.onStop('port of gRPC', () => grpc.close());

  const reload = () => {
    log.info('reload_wanted');
    void pool.reload();
  };
  process.on('SIGHUP', reload);
  context.onStop('reload', () => process.off('SIGHUP', reload));
  context.onStop('workers', (limits) => pool.stop(limits));
  await pool.start();
  return { ports: { ...ports, admin: admin.address.port } };
}

// The primary holds the ports and serves no client itself, so that it outlives its workers. SIGHUP replaces the workers
// one by one with new ones, which load the current code and certificates. Under `npm start` it inherits the sockets from
// the supervisor, so that connections wait while the primary is restarted.
import { guardAdminPort } from '@fleetbridge/access';
import { createMetrics, inheritedSockets, type RunContext, startAdminServer, WorkerPool } from '@fleetbridge/service';
import { loadCertificate } from './certificate.js';
import { type StreamingConfig, withDefaults } from './config.js';

/** Resolves when the workers are ready. Throws ConfigError, ListenError, WorkerStartError. */
export async function startPrimary(
  config: StreamingConfig,
  context: Pick<RunContext, 'env' | 'log' | 'onReload' | 'onStop'>,
) {
  const { log } = context;
  const { bind: host } = withDefaults(config);
  // Each worker loads it itself; a mistake is better reported once.
  await loadCertificate(config);
  const pool = new WorkerPool({ count: config.STREAMING_WORKERS, readyWhen: 'one', log });
  const inherited = inheritedSockets(context.env);
  const bind = { host, hostVariable: 'STREAMING_BIND' };
  const clients = pool.addHandoff('clients', {
    ...bind,
    fd: inherited.get('clients'),
    port: config.STREAMING_PORT,
    variable: 'STREAMING_PORT',
    purpose: 'TeslaMate',
  });
  const grpc = pool.addHandoff('grpc', {
    ...bind,
    fd: inherited.get('grpc'),
    port: config.STREAMING_GRPC_PORT,
    variable: 'STREAMING_GRPC_PORT',
    purpose: 'gRPC',
  });
  // Before all else: a container that restarts refuses connections until here.
  const ports = { clients: await clients.listen(), grpc: 0 };
  context.onStop('client port', () => clients.close());
  ports.grpc = await grpc.listen();
  context.onStop('gRPC port', () => grpc.close());

  // `app` distinguishes its memory and CPU from those of the workers.
  const { registry, total, level } = createMetrics({ app: 'streaming-primary' });
  level('fleetbridge_streaming_workers', 'Worker processes that accept connections.', () => pool.accepting);
  total(
    'fleetbridge_streaming_workers_replaced_total',
    'Worker processes that died and were replaced.',
    () => pool.replaced,
  );
  level(
    'fleetbridge_streaming_connections_waiting',
    'Connections that no worker has accepted yet.',
    () => clients.waiting + grpc.waiting,
  );
  const admin = await startAdminServer({
    host: config.ADMIN_HOST,
    port: config.STREAMING_ADMIN_PORT,
    portVariable: 'STREAMING_ADMIN_PORT',
    registry: {
      contentType: registry.contentType,
      metrics: async () => (await pool.metrics(await registry.getMetricsAsJSON())).metrics(),
    },
    readiness: { report: () => pool.report() },
    guard: guardAdminPort,
    log,
  });
  context.onStop('admin server', () => admin.stop());

  // SIGHUP
  context.onReload(() => {
    log.info('reload_requested');
    void pool.reload();
  });
  context.onStop('workers', (limits) => pool.stop(limits));
  await pool.start();
  return { ports: { ...ports, admin: admin.address.port } };
}

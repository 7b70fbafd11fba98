// The streaming server: what TeslaMate connects to. Reads as the order of its start; stopped in reverse.
import { loadServerCertificate, watchServerCertificate } from '@fleetbridge/pki';
import { agreeOnLayoutWhenReady, connectRedis, SnapshotStore, TokenStore } from '@fleetbridge/record-log';
import {
  createLogger,
  createReadiness,
  formatUnknownVariable,
  loadConfig,
  type RunContext,
  reportReachability,
  runApp,
  startAdminServer,
} from '@fleetbridge/service';
import { Access } from './access.js';
import { streamingConfig, withDefaults } from './config.js';
import { Feeds } from './feeds.js';
import { createCounts, createStreamingMetrics } from './metrics.js';
import { type StreamingServer, startStreamingServer } from './server.js';

await runApp({ name: 'streaming', main });

async function main(context: RunContext): Promise<void> {
  const { config, warnings } = loadConfig(streamingConfig, { env: context.env, prefixes: ['STREAMING_'] });
  const { certFile, keyFile, bind } = withDefaults(config);
  const log = createLogger({ name: 'streaming', level: config.LOG_LEVEL, format: config.LOG_FORMAT });
  context.log = log;
  context.shutdownSeconds = config.SHUTDOWN_SECONDS;
  for (const warning of warnings) log.warn({ ...warning }, formatUnknownVariable(warning));
  const certificate = config.STREAMING_TLS ? await loadServerCertificate({ certFile, keyFile }) : undefined;

  const counts = createCounts();
  const readiness = createReadiness({ checks: ['redis', 'clients_port'], signal: context.signal });
  let server: StreamingServer | undefined;
  const metrics = createStreamingMetrics(counts, () => server?.subscribers ?? 0);
  const admin = await startAdminServer({
    host: config.ADMIN_HOST,
    port: config.STREAMING_ADMIN_PORT,
    portVariable: 'STREAMING_ADMIN_PORT',
    registry: metrics.registry,
    readiness,
    log,
  });
  context.onStop('admin server', () => admin.stop());

  const redis = connectRedis({
    url: config.REDIS_URL,
    name: 'fleetbridge-streaming',
    onChange: reportReachability('redis', { readiness, log }),
  });
  context.onStop('redis', () => redis.disconnect());
  const layout = { namespace: config.NAMESPACE, partitions: config.PARTITIONS };
  await agreeOnLayoutWhenReady(redis, layout, context.signal);

  const snapshots = new SnapshotStore({ redis, ...layout });
  const feeds = new Feeds({
    url: config.REDIS_URL,
    ...layout,
    snapshots,
    counts,
    log,
    now: Date.now,
    onReadable: (isReadable) =>
      readiness.set('log', isReadable ? { ready: true } : { ready: false, reason: 'unreadable' }),
  });
  context.onStop('feeds', () => feeds.stop());
  await feeds.start();

  const bridgeToken = config.BRIDGE_TOKEN?.reveal();
  const access = new Access({
    isRequired: config.AUTH === 'token',
    bridgeToken,
    tokens: new TokenStore({ redis, ...layout }),
  });
  const clients = await startStreamingServer({
    host: bind,
    port: config.STREAMING_PORT,
    certificate,
    access,
    feeds,
    counts,
    log,
    now: Date.now,
  });
  server = clients;
  context.onStop('clients', () => clients.stop());
  if (certificate) {
    const watch = watchServerCertificate({
      certFile,
      keyFile,
      current: certificate,
      onChange: (renewed) => {
        clients.renewCertificate(renewed);
        log.info({ not_after: renewed.notAfter }, 'server_certificate_renewed');
      },
      onError: (err) => log.error({ err }, 'server_certificate_not_renewed'),
    });
    context.onStop('certificate watch', () => watch.stop());
  }
  readiness.set('clients_port', { ready: true });
  context.ready({ ports: { clients: clients.port, admin: admin.address.port } });
}

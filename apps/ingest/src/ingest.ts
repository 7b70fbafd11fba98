// Everything that ingest is made of, wired together. Reads as the order of its start; what was started is stopped in
// reverse. Nothing here does I/O before the ports of the operator are open, so that /readyz can say what is missing.
import { watchServerCertificate } from '@fleetbridge/pki';
import { Appender, agreeOnLayoutWhenReady, connectRedis, Presence, Quarantine } from '@fleetbridge/record-log';
import { createReadiness, type RunContext, reportReachability, startAdminServer } from '@fleetbridge/service';
import { createAdmission } from './admission.js';
import { loadCertificates } from './certificates.js';
import { type IngestConfig, withDefaults } from './config.js';
import { createCounts } from './counts.js';
import { Fleet } from './fleet.js';
import { createIngestMetrics } from './metrics.js';
import { ProcessLease } from './process-lease.js';
import { startIngestServer } from './server.js';

export interface IngestOptions {
  config: IngestConfig;
  context: Pick<RunContext, 'log' | 'signal' | 'onStop'>;
  now?: () => number;
  /** How often the certificate's files are looked at; default: the watch's own. */
  certificateLookMs?: number | undefined;
  /** See FleetOptions. */
  maxUnsettledBytes?: number | undefined;
}

/** Resolves when vehicles can connect, which takes a Redis that answers. Throws ConfigError, ListenError. */
export async function startIngest({ config, context, now = Date.now, ...options }: IngestOptions) {
  const { log, signal } = context;
  const files = withDefaults(config);
  const { certificate, ca } = await loadCertificates(files);
  for (const { subject, notAfter } of ca.expired) log.info({ subject, not_after: notAfter }, 'vehicle_ca_expired');

  const readiness = createReadiness({ checks: ['redis', 'vehicles_port'], signal });
  const redis = connectRedis({
    url: config.REDIS_URL,
    name: 'fleetbridge-ingest',
    onChange: reportReachability('redis', { readiness, log }),
  });
  context.onStop('redis', () => redis.disconnect());
  const layout = { namespace: config.NAMESPACE, partitions: config.PARTITIONS };
  const presence = new Presence({ redis, ...layout });
  const lease = new ProcessLease({ presence, log, onLost: () => fleet.connectAnew() });
  const appender = new Appender({
    redis,
    ...layout,
    processId: () => lease.processId,
    ackReplicas: config.ACK_REPLICAS,
    onTrouble: (err) => {
      readiness.set('log', { ready: false, reason: 'append_unanswered' });
      log.warn({ err }, 'append_unanswered');
    },
    onRecovered: ({ attempts, waitingRecords }) => {
      readiness.set('log', { ready: true });
      log.info({ attempts, waiting_records: waitingRecords }, 'append_recovered');
    },
    onCall: (call) => {
      metrics.appended(call);
      setImmediate(() => fleet.resumePaused());
    },
  });
  context.onStop('log', () => appender.stop());
  const counts = createCounts();
  const quarantine = new Quarantine({ redis, ...layout });
  const { maxUnsettledBytes, certificateLookMs } = options;
  const fleet = new Fleet({ appender, quarantine, counts, log, now, maxUnsettledBytes });
  const metrics = createIngestMetrics(counts, { fleet, appender });

  const admin = await startAdminServer({
    host: config.ADMIN_HOST,
    port: config.INGEST_ADMIN_PORT,
    portVariable: 'INGEST_ADMIN_PORT',
    registry: metrics.registry,
    readiness,
    log,
  });
  context.onStop('admin server', () => admin.stop());

  await agreeOnLayoutWhenReady(redis, layout, signal);
  if (config.ACK_REPLICAS === 0) log.info({ remedy: 'ACK_REPLICAS' }, 'failover_may_lose_records');
  context.onStop('process lease', () => lease.stop());
  await lease.start();
  context.onStop('fleet', (limits) => fleet.stop(limits));
  fleet.start();

  const server = await startIngestServer({
    host: config.INGEST_HOST,
    port: config.INGEST_PORT,
    ca: ca.pem,
    ...certificate,
    isAdmitted: createAdmission(files.allowedVins),
    fleet,
    counts,
    log,
  });
  context.onStop('vehicles port', () => server.stop());
  metrics.certificateEnds(certificate.notAfter);
  const watch = watchServerCertificate({
    certFile: files.certFile,
    keyFile: files.keyFile,
    current: certificate,
    onChange: (renewed) => {
      server.renewCertificate(renewed);
      metrics.certificateEnds(renewed.notAfter);
      log.info({ not_after: renewed.notAfter }, 'server_certificate_renewed');
    },
    onError: (err) => log.error({ err }, 'server_certificate_not_renewed'),
    ...(certificateLookMs === undefined ? {} : { intervalMs: certificateLookMs }),
  });
  context.onStop('certificate watch', () => watch.stop());
  readiness.set('vehicles_port', { ready: true });
  return { ports: { vehicles: server.port, admin: admin.address.port }, fleet, appender, lease, counts };
}

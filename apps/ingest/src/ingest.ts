// Everything that ingest is made of, wired together. Reads as the order of its start; what was started is stopped in
// reverse. Nothing here does I/O before the ports of the operator are open, so that /readyz can say what is missing.
import { availableParallelism } from 'node:os';
import { createNetworkSet } from '@fleetbridge/access';
import {
  createReadiness,
  measureReadiness,
  type PrimaryChannel,
  type RunContext,
  reportReachability,
  startAdminServer,
} from '@fleetbridge/service';
import {
  AdmissionStore,
  Appender,
  agreeOnLayoutWhenReady,
  openStore,
  Presence,
  Quarantine,
  watchReplacedConnections,
} from '@fleetbridge/store';
import { AdmissionWatch } from './admission/index.js';
import { loadCertificates, watchCertificates } from './certificates/index.js';
import { type IngestConfig, withDefaults } from './config.js';
import { createCounts } from './counts.js';
import type { HandshakeLimits } from './handshake/index.js';
import { createIngestMetrics } from './metrics.js';
import { ProcessLease } from './process-lease.js';
import { startIngestServer } from './server.js';
import { createRecordInspection, Fleet, RateLimits, topicRules } from './socket/index.js';
import { gatherStatusFacts, statusRoute } from './status/index.js';

export interface IngestOptions {
  config: IngestConfig;
  context: Pick<RunContext, 'log' | 'signal' | 'onStop'>;
  /** Set in one of several workers, where the primary serves the admin port. */
  primary?: PrimaryChannel;
  now?: () => number;
  /** How often the certificate's files are looked at; default: the watch's own. */
  certificateLookMs?: number | undefined;
  handshakeLimits?: Partial<HandshakeLimits> | undefined;
  /** See FleetOptions. */
  maxUnsettledBytes?: number | undefined;
  /** How often the lists of admitted vehicles are looked at; default: the watch's own. */
  admissionLookMs?: number | undefined;
}

/** Resolves when vehicles can connect, which takes a Redis that answers. Throws ConfigError, ListenError. */
export async function startIngest({ config, context, primary, now = Date.now, ...options }: IngestOptions) {
  const { log, signal } = context;
  const files = withDefaults(config);
  const { certificate, ca } = await loadCertificates(files);

  const known = createReadiness({ checks: ['redis', 'vehicles_port'], signal });
  const readiness = primary?.reportReadiness(known, signal) ?? known;
  const store = openStore({
    url: config.REDIS_URL,
    name: 'fleetbridge-ingest',
    namespace: config.NAMESPACE,
    partitions: config.PARTITIONS,
    onChange: reportReachability('redis', { readiness, log }),
  });
  context.onStop('redis', () => store.close());
  const presence = new Presence(store);
  const lease = new ProcessLease({ presence, log, onLost: () => fleet.connectAnew() });
  const appender = new Appender({
    store,
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
  const quarantine = new Quarantine(store);
  const { maxUnsettledBytes, certificateLookMs } = options;
  const tap = createRecordInspection({
    loggedTopics: config.LOG_RECORDS,
    countedVins: config.SIGNAL_COUNT_VINS,
    counts,
    log,
  });
  const { RATE_LIMIT_RECORDS: records, RATE_LIMIT_SECONDS: seconds } = config;
  const rateLimits = records === 0 ? undefined : new RateLimits({ records, seconds });
  const rules = topicRules(config);
  const fleet = new Fleet({ appender, quarantine, counts, log, now, maxUnsettledBytes, rules, tap, rateLimits });
  const metrics = createIngestMetrics(counts, { fleet, appender });
  measureReadiness(metrics, known);

  primary?.answerMetrics(metrics.registry);
  context.onStop('primary channel', () => primary?.close());
  const admin =
    primary === undefined
      ? await startAdminServer({
          host: config.ADMIN_HOST,
          port: config.INGEST_ADMIN_PORT,
          portVariable: 'INGEST_ADMIN_PORT',
          registry: metrics.registry,
          readiness,
          routes: statusRoute(() =>
            gatherStatusFacts({
              config,
              store,
              readiness,
              now,
              refused: () => counts.refusedConnections,
              env: process.env,
            }),
          ),
          log,
        })
      : undefined;
  context.onStop('admin server', () => admin?.stop());

  await agreeOnLayoutWhenReady(store, signal);
  if (config.ACK_REPLICAS === 0) log.info({ remedy: 'ACK_REPLICAS' }, 'failover_may_lose_records');
  const admission = new AdmissionWatch({
    allowedVins: files.allowedVins,
    file: config.ALLOWED_VINS_FILE,
    store: new AdmissionStore(store),
    log,
    onChange: () => fleet.endUnadmitted((vin) => admission.isAdmitted(vin)),
    pollMs: options.admissionLookMs,
  });
  context.onStop('admission', () => admission.stop());
  await admission.start(signal);
  context.onStop('process lease', () => lease.stop());
  await lease.start();
  const replaced = watchReplacedConnections({
    store,
    onReplaced: (connection) => fleet.replacedElsewhere(connection),
    onResumed: () => fleet.connectAnew(),
    onRefused: (err) => log.warn({ err, remedy: 'allow the Redis user all channels' }, 'replaced_not_heard'),
  });
  context.onStop('replaced connections', () => replaced.stop());
  context.onStop('fleet', (limits) => fleet.stop(limits));
  fleet.start();

  const server = await startIngestServer({
    host: config.INGEST_HOST,
    port: config.INGEST_PORT,
    ca: ca.pem,
    ...certificate,
    isBalancer: createNetworkSet(config.PROXY_PROTOCOL_FROM),
    limits: options.handshakeLimits,
    isAdmitted: (vin) => admission.isAdmitted(vin),
    maxConnections: shareOfConnections(config, primary),
    fleet,
    counts,
    log,
  });
  context.onStop('vehicles port', () => server.stop());
  const watches = watchCertificates({ files, certificate, ca, server, log, now, pollMs: certificateLookMs });
  context.onStop('certificate watches', () => watches.stop());
  metrics.certificates(watches);
  metrics.handshakes(server.handshakes);
  readiness.set('vehicles_port', { ready: true });
  const ports = { vehicles: server.port, admin: admin?.address.port ?? 0 };
  return { ports, fleet, appender, lease, counts, handshakes: server.handshakes };
}

/** Each worker gets an equal share: Node distributes connections round-robin. */
function shareOfConnections({ MAX_CONNECTIONS, INGEST_WORKERS }: IngestConfig, primary: PrimaryChannel | undefined) {
  if (MAX_CONNECTIONS === 0) return undefined;
  return primary === undefined
    ? MAX_CONNECTIONS
    : Math.ceil(MAX_CONNECTIONS / (INGEST_WORKERS ?? availableParallelism()));
}

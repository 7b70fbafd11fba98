// Wires the parts of ingest together in the order in which they start; they stop in reverse order. The admin port opens
// before any I/O with Redis, so that /readyz and the status page can show what is missing.
import { availableParallelism } from 'node:os';
import { createNetworkSet, type GuardLimits, guardAdminPort } from '@fleetbridge/access';
import {
  createReadiness,
  measureReadiness,
  type PrimaryChannel,
  type RunContext,
  reportReachability,
  reportReplacedLog,
  startAdminServer,
} from '@fleetbridge/service';
import {
  AdmissionStore,
  Appender,
  agreeOnLayoutWhenReady,
  openStore,
  Presence,
  Quarantine,
  storeLimitedVehicle,
  watchLogIdentity,
  watchReplacedConnections,
} from '@fleetbridge/store';
import { AdmissionWatch } from './admission/index.js';
import { loadOrAwaitCertificates, untilCertificatesLoad, watchCertificates } from './certificates/index.js';
import { ClockWatch } from './clock-watch.js';
import { type IngestConfig, withDefaults } from './config.js';
import { createCounts } from './counts.js';
import { createIngestMetrics } from './metrics.js';
import { ProcessLease } from './process-lease.js';
import { watchRedis } from './redis-watch.js';
import { startIngestServer } from './server.js';
import {
  ByteBudget,
  ConnectionRegistry,
  type ConnectionServices,
  createConnectivityRecords,
  createRecordInspection,
  MAX_UNSETTLED_BYTES,
  MessageQuarantine,
  StallDetector,
  topicRules,
  VehicleBuckets,
} from './socket/index.js';
import { gatherStatusFacts, statusRoute } from './status/index.js';

export interface IngestOptions {
  config: IngestConfig;
  context: Pick<RunContext, 'log' | 'signal' | 'onStop'>;
  /** Set in one of several workers, where the primary serves the admin port. */
  primary?: PrimaryChannel;
  now?: () => number;
  /** Milliseconds of a clock that can't be set. */
  monotonicNow?: () => number;
  /** How often the certificate files are checked; default: the watch's own interval. */
  certificatePollMs?: number | undefined;
  handshakeLimits?: Partial<GuardLimits> | undefined;
  /** How often the settings and the role of Redis are checked; default: the watch's own interval. */
  redisPollMs?: number | undefined;
  /** See ConnectionRegistryOptions. */
  connectsPerMinute?: number | undefined;
  /** See ConnectionServices. */
  maxUnsettledBytes?: number | undefined;
  /** How often the identity of the log is compared; default: the watch's own interval. */
  identityPollMs?: number | undefined;
  /** How often the lists of admitted vehicles are checked; default: the watch's own interval. */
  admissionPollMs?: number | undefined;
}

/** Resolves when vehicles can connect, which needs a Redis that answers. Throws ConfigError, ListenError. */
export async function startIngest({ config, context, primary, ...options }: IngestOptions) {
  const { now = Date.now, monotonicNow = () => performance.now() } = options;
  const { log, signal } = context;
  const files = withDefaults(config);
  const loaded = await loadOrAwaitCertificates(files, log);

  const known = createReadiness({ checks: ['redis', 'vehicles_port'], signal });
  const readiness = primary?.reportReadiness(known, signal) ?? known;
  if (loaded === undefined) readiness.set('vehicle_cas', { ready: false, reason: 'missing' });
  const store = openStore({
    url: config.REDIS_URL,
    name: 'fleetbridge-ingest',
    namespace: config.NAMESPACE,
    partitions: config.PARTITIONS,
    onChange: reportReachability('redis', { readiness, log }),
  });
  context.onStop('redis', () => store.close());
  const redisWatch = watchRedis({ store, readiness, log, pollMs: options.redisPollMs });
  context.onStop('redis watch', () => redisWatch.stop());
  const presence = new Presence(store);
  const lease = new ProcessLease({ presence, log, onLost: () => connections.reportAll() });
  const clock = new ClockWatch({ now, log });
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
      clock.observe(call.lastEntryMs);
      setImmediate(() => connections.resumePaused());
    },
  });
  context.onStop('log', () => appender.stop());
  const counts = createCounts();
  const { maxUnsettledBytes = MAX_UNSETTLED_BYTES, certificatePollMs } = options;
  const inspect = createRecordInspection({
    loggedTopics: config.LOG_RECORDS,
    countedVins: config.SIGNAL_COUNT_VINS,
    counts,
    log,
  });
  const { RATE_LIMIT_RECORDS: records, RATE_LIMIT_SECONDS: seconds } = config;
  const rateLimits =
    records === 0 ? undefined : new VehicleBuckets({ capacity: records, perSecond: records / seconds });
  const bytesPerMinute = config.VEHICLE_BYTES_PER_MINUTE;
  // Without Redis the log and the metrics still report it.
  const report = (vin: string) => void storeLimitedVehicle(store, vin).catch(() => {});
  const byteBudget =
    bytesPerMinute === 0 ? undefined : new ByteBudget({ bytesPerMinute, counts, log, monotonicNow, report });
  const stalls = new StallDetector({ now, monotonicNow });
  const shared = { appender, maxUnsettledBytes, stalls, rateLimits, byteBudget, counts, log, now, monotonicNow };
  const appendConnectivity = createConnectivityRecords({ appender, inspect, log, now });
  const connections = new ConnectionRegistry({
    ...shared,
    appendConnectivity,
    connectsPerMinute: options.connectsPerMinute,
  });
  const services: ConnectionServices = {
    ...shared,
    inspect,
    quarantine: new MessageQuarantine({ quarantine: new Quarantine(store), counts, log, now }),
    rules: topicRules(config),
    events: connections,
  };
  const metrics = createIngestMetrics(counts, { connections, byteBudget, appender, clock });
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
              clockBehindSeconds: () => clock.behindSeconds,
              env: process.env,
            }),
          ),
          guard: guardAdminPort,
          log,
        })
      : undefined;
  context.onStop('admin server', () => admin?.stop());

  const { certificate, ca } = loaded ?? (await untilCertificatesLoad(files, { signal, pollMs: certificatePollMs }));
  if (loaded === undefined) readiness.set('vehicle_cas', { ready: true });
  await agreeOnLayoutWhenReady(store, signal);
  await redisWatch.untilSuitable(signal);
  if (config.ACK_REPLICAS === 0) log.info({ remedy: 'ACK_REPLICAS' }, 'failover_may_lose_records');
  const admission = new AdmissionWatch({
    allowedVins: files.allowedVins,
    file: config.ALLOWED_VINS_FILE,
    store: new AdmissionStore(store),
    log,
    onChange: () => connections.closeUnadmitted((vin) => admission.isAdmitted(vin)),
    pollMs: options.admissionPollMs,
  });
  context.onStop('admission', () => admission.stop());
  await admission.start(signal);
  context.onStop('process lease', () => lease.stop());
  await lease.start();
  // presence and admission notice by themselves that what they stored is gone
  const identity = watchLogIdentity({
    store,
    ...reportReplacedLog({ readiness, log }),
    restart: () => lease.renew(),
    ...(options.identityPollMs === undefined ? {} : { pollMs: options.identityPollMs }),
  });
  context.onStop('log identity', () => identity.stop());
  const replaced = watchReplacedConnections({
    store,
    onReplaced: (connection) => connections.replacedElsewhere(connection),
    onResumed: () => connections.reportAll(),
    onRefused: (err) => log.warn({ err, remedy: 'allow the Redis user all channels' }, 'replacement_channel_denied'),
  });
  context.onStop('replaced connections', () => replaced.stop());
  context.onStop('stall detector', () => stalls.stop());
  stalls.start();
  context.onStop('vehicle connections', (limits) => connections.stop(limits));
  connections.start();

  const server = await startIngestServer({
    host: config.INGEST_HOST,
    port: config.INGEST_PORT,
    ca: ca.pem,
    ...certificate,
    isBalancer: createNetworkSet(config.PROXY_PROTOCOL_FROM),
    limits: options.handshakeLimits,
    isAdmitted: (vin) => admission.isAdmitted(vin),
    maxConnections: shareOfConnections(config, primary),
    connections,
    services,
    log,
  });
  context.onStop('vehicles port', () => server.stop());
  const watches = watchCertificates({ files, certificate, ca, server, log, now, pollMs: certificatePollMs });
  context.onStop('certificate watches', () => watches.stop());
  metrics.certificates(watches);
  metrics.handshakes(server.handshakes);
  readiness.set('vehicles_port', { ready: true });
  const ports = { vehicles: server.port, admin: admin?.address.port ?? 0 };
  return { ports, connections, appender, lease, counts, handshakes: server.handshakes };
}

/** Each worker gets an equal share: Node distributes connections round-robin. */
function shareOfConnections({ MAX_CONNECTIONS, INGEST_WORKERS }: IngestConfig, primary: PrimaryChannel | undefined) {
  if (MAX_CONNECTIONS === 0) return undefined;
  return primary === undefined
    ? MAX_CONNECTIONS
    : Math.ceil(MAX_CONNECTIONS / (INGEST_WORKERS ?? availableParallelism()));
}

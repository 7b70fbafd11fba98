// The parts of the streaming server, wired together. Its ports open before Redis has answered: clients are accepted and
// wait, because TeslaMate does not survive a first connection that fails.

import {
  Access,
  ClientUses,
  createAddressOf,
  createNetworkSet,
  type GuardLimits,
  isGuessable,
  KeySet,
  TeslaTokens,
} from '@fleetbridge/access';
import { renewalDays } from '@fleetbridge/pki';
import { normalizeVin } from '@fleetbridge/protocol';
import {
  type Metrics,
  measureReadiness,
  type Readiness,
  type RunContext,
  reportReachability,
  reportReplacedLog,
} from '@fleetbridge/service';
import {
  Appender,
  agreeOnLayoutWhenReady,
  ClientStore,
  LogPages,
  openStore,
  SnapshotStore,
  type Store,
  TokenStore,
  VehicleIdStore,
  watchLogIdentity,
} from '@fleetbridge/store';
import { statusTimes } from '@fleetbridge/vehicle-state';
import { loadCertificate, watchCertificate } from './certificate.js';
import { type StreamingConfig, withDefaults } from './config.js';
import { Elevation, Feeds, type FeedsOptions, Vehicles } from './frames/index.js';
import { type GrpcServer, startGrpcServer } from './grpc/index.js';
import { createHttpApi } from './http/index.js';
import { LiveClients } from './live-clients.js';
import { createCounts, createStreamingMetrics } from './metrics.js';
import type { Pace } from './owner/index.js';
import { createTagLookup } from './owner/index.js';
import { addPubsubPush, PubsubSender } from './pubsub/index.js';
import { startRawSubscriber } from './raw/index.js';
import { LogRecords } from './records/index.js';
import { type StreamingServer, startStreamingServer } from './server.js';

export interface StreamingOptions {
  config: StreamingConfig;
  context: Pick<RunContext, 'log' | 'signal' | 'onStop'>;
  readiness: Readiness;
  /** false: the process with the ports hands over connections. */
  listens: boolean;
  /** Called when connections can be accepted; the rest of the start requires Redis. */
  onOpen?: (open: { clients: StreamingServer; grpc: GrpcServer; registry: Metrics['registry'] }) => void;
  now?: () => number;
  /** Milliseconds of a clock that can't be set. */
  monotonicNow?: () => number;
  pace?: Partial<Pace>;
  /** How long a client may leave its messages unread. */
  unreadLimitMs?: number;
  /** Other limits of connections than the defaults, for tests. */
  limits?: Partial<GuardLimits>;
  /** How often the identity of the log is compared; default: the watch's own interval. */
  identityPollMs?: number;
  /** Other times than the defaults, for tests. */
  slotTimes?: FeedsOptions['slotTimes'];
  /** Elevations from elsewhere than ELEVATION_URL, for tests. */
  elevation?: FeedsOptions['elevation'];
}

/** Resolves when clients are served current data. Throws ConfigError, ListenError, LayoutMismatch. */
export async function startStreaming({
  config,
  context,
  readiness,
  listens,
  now = Date.now,
  monotonicNow = () => performance.now(),
  ...options
}: StreamingOptions) {
  const { log } = context;
  const { bind } = withDefaults(config);
  const certificate = await loadCertificate(config);
  const location = { url: config.REDIS_URL, namespace: config.NAMESPACE, partitions: config.PARTITIONS };
  const store = openStore({
    ...location,
    name: 'fleetbridge-streaming',
    onChange: reportReachability('redis', { readiness, log }),
  });
  context.onStop('redis', () => store.close());
  // Pages are long answers. They must not delay short ones.
  const pagesStore = openStore({ ...location, name: 'fleetbridge-streaming-pages' });
  context.onStop('redis for pages', () => pagesStore.close());

  const counts = createCounts();
  const snapshots = new SnapshotStore(store);
  const feeds = new Feeds({
    store,
    elevation: options.elevation ?? createElevation(config, log),
    ...(options.slotTimes === undefined ? {} : { slotTimes: options.slotTimes }),
    snapshots,
    resumeWindowMs: config.RESUME_WINDOW * 1_000,
    times: { ...statusTimes, offlineAfterMs: config.OFFLINE_AFTER * 1_000 },
    counts,
    log,
    now,
    monotonicNow,
    onReadable: (isReadable) => {
      readiness.set('log', isReadable ? { ready: true } : { ready: false, reason: 'unreadable' });
      grpc.setServing(isReadable);
    },
    onEntry: (partition, entry, decoded) => records.publish(partition, entry, decoded),
  });
  context.onStop('feeds', () => feeds.stop());
  const records = new LogRecords({
    pages: new LogPages(pagesStore),
    store,
    readTo: (partition) => feeds.cursor(partition),
  });
  warnOfShortTokens(config, log);
  let isPresent = false;
  const access = createAccess(config, { store, isReady: () => isPresent, now, log });
  const live = new LiveClients({ access, log });
  const shared = {
    access,
    addressOf: createAddressOf(config.TRUSTED_PROXIES),
    isProxy: createNetworkSet(config.TRUSTED_PROXIES),
    limits: options.limits,
    countRefused: (reason: string) => {
      counts.refusedConnections[reason] = (counts.refusedConnections[reason] ?? 0) + 1;
    },
    vehicles: new Vehicles({ feeds, records, snapshots }),
    records,
    live,
    counts,
    log,
    now,
    ...(options.unreadLimitMs === undefined ? {} : { unreadLimitMs: options.unreadLimitMs }),
  };
  const uses = new ClientUses({ clients: new ClientStore(store), now });
  const push = createPush(config, { store, context, feeds, ...shared });

  const clients = await startStreamingServer({
    ...shared,
    host: bind,
    port: listens ? config.STREAMING_PORT : undefined,
    certificate,
    feeds,
    onSubscribed: (principal) => uses.record(principal, 'stream'),
    vinOf: createTagLookup(config.VEHICLE_IDS, { ids: new VehicleIdStore(store), now }),
    http: await createHttpApi({ ...shared, routes: push }),
    raw: (client) => startRawSubscriber(client, shared),
    ...(options.pace === undefined ? {} : { pace: options.pace }),
  });
  context.onStop('clients', () => clients.stop());
  const grpc = await startGrpcServer({
    ...shared,
    host: bind,
    port: listens ? config.STREAMING_GRPC_PORT : undefined,
    certificate,
  });
  context.onStop('grpc', () => grpc.stop());
  live.start();
  context.onStop('live clients', () => live.stop('shutdown'));
  let inUse = certificate;
  if (certificate) {
    const watch = watchCertificate(config, certificate, {
      log,
      onChange: (renewed) => {
        inUse = renewed;
        clients.renewCertificate(renewed);
        grpc.renewCertificate(renewed);
      },
    });
    context.onStop('certificate watch', () => watch.stop());
  }
  readiness.set('clients_port', { ready: true });
  const metrics = createStreamingMetrics(counts, {
    subscribers: () => clients.subscribers,
    refusals: () => access.refusals,
    clientsByKind: () => live.count(),
    ...(inUse === undefined
      ? {}
      : {
          certificateDaysLeft: () => daysUntil(inUse!.notAfter, now()),
          certificateRenewalDays: () => renewalDays(inUse!),
        }),
  });
  measureReadiness(metrics, readiness);
  options.onOpen?.({ clients, grpc, registry: metrics.registry });

  await agreeOnLayoutWhenReady(store, context.signal);
  await feeds.start();
  const identity = watchLogIdentity({
    store,
    ...reportReplacedLog({ readiness, log }),
    restart: async () => {
      await live.endAll('log_replaced');
      records.restart();
      await feeds.restart();
    },
    ...(options.identityPollMs === undefined ? {} : { pollMs: options.identityPollMs }),
  });
  context.onStop('log identity', () => identity.stop());
  isPresent = true;
  readiness.set('log', { ready: true });
  grpc.setServing(true);
  return { clients, grpc, feeds, records, access, live, counts, ports: { clients: clients.port, grpc: grpc.port } };
}

function createElevation({ ELEVATION_URL: url }: StreamingConfig, log: RunContext['log']): Elevation | undefined {
  if (url === undefined) return undefined;
  return new Elevation({
    url,
    onTrouble: (err) => log.warn({ err }, 'elevation_unavailable'),
    onRecovered: () => log.info({}, 'elevation_available'),
  });
}

function daysUntil(date: Date, nowMs: number): number {
  return (date.getTime() - nowMs) / 86_400_000;
}

interface Parts extends Pick<StreamingOptions, 'context'> {
  store: Store;
  now: () => number;
}

function createAccess(
  config: StreamingConfig,
  { store, isReady, now, log }: Omit<Parts, 'context'> & { isReady: () => boolean; log: RunContext['log'] },
): Access {
  return new Access({
    isRequired: config.AUTH === 'token',
    bridgeToken: config.BRIDGE_TOKEN?.reveal(),
    tokens: new TokenStore(store),
    teslaTokens: new TeslaTokens({
      keys: new KeySet({ source: config.TESLA_JWKS, now: () => performance.now(), log }),
      issuers: config.TESLA_ISSUERS,
      now,
    }),
    teslaAccounts: config.TESLA_ACCOUNTS,
    isReady,
    log,
    now,
  });
}

/** A right token of at least 20 characters is always accepted. With shorter ones failures lock an address out. */
function warnOfShortTokens(config: StreamingConfig, log: RunContext['log']): void {
  for (const variable of ['BRIDGE_TOKEN', 'PUBSUB_PUSH_TOKEN'] as const) {
    const token = config[variable]?.reveal();
    if (token === undefined || !isGuessable(token)) continue;
    log.warn({ variable, remedy: 'use at least 20 random characters' }, 'short_token_configured');
  }
}

type PushParts = Parts & Pick<Parameters<typeof addPubsubPush>[1], 'feeds' | 'counts' | 'log' | 'addressOf'>;

/** undefined: pushes are not configured. */
function createPush(config: StreamingConfig, { store, context, feeds, counts, log, addressOf, now }: PushParts) {
  const { PUBSUB_PUSH_AUDIENCE: audience, PUBSUB_PUSH_ACCOUNT: account, PUBSUB_PUSH_TOKEN, ALLOWED_VINS = [] } = config;
  const token = PUBSUB_PUSH_TOKEN?.reveal();
  const oidc =
    audience === undefined || account === undefined
      ? undefined
      : { keys: new KeySet({ source: config.PUBSUB_PUSH_JWKS, now: () => performance.now(), log }), audience, account };
  if (oidc === undefined && token === undefined) return undefined;
  const appender = new Appender({
    store,
    // the id of the process that holds connections, which a push has not
    processId: () => 'pubsub',
    ackReplicas: config.ACK_REPLICAS,
    onTrouble: (err) => log.warn({ err }, 'append_unanswered'),
    onRecovered: ({ attempts, waitingRecords }) =>
      log.info({ attempts, waiting_records: waitingRecords }, 'append_recovered'),
  });
  context.onStop('appender', async ({ deadlineMs }) => {
    await appender.drain(Math.min(deadlineMs / 2, 2_000));
    appender.stop();
  });
  const allowed = new Set(ALLOWED_VINS.map(normalizeVin));
  const isAllowed = (vin: string) => allowed.has('*') || allowed.has(normalizeVin(vin));
  const extraTopics = new Set(config.EXTRA_TOPICS);
  const sender = new PubsubSender({ oidc, token, log, now });
  return (server: Parameters<typeof addPubsubPush>[0]) =>
    addPubsubPush(server, { sender, addressOf, isAllowed, extraTopics, appender, feeds, counts, log, now });
}

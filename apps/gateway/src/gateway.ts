// The parts of the gateway, wired together. Its port opens before Redis has answered: requests are answered with 503 until
// the log has been read to its end.
import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
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
import {
  type Metrics,
  measureReadiness,
  type Readiness,
  type RunContext,
  reportReachability,
  reportReplacedLog,
} from '@fleetbridge/service';
import {
  AdmissionStore,
  AnsweredStates,
  agreeOnLayoutWhenReady,
  ClientStore,
  ForgottenVehicles,
  LogPages,
  openStore,
  SeedStore,
  SnapshotStore,
  type Store,
  TokenStore,
  VehicleIdStore,
  watchLogIdentity,
} from '@fleetbridge/store';
import type { TeslaConnection } from '@fleetbridge/tesla-account';
import { DeletedVehicles, LiveVehicles, LogFeed } from '@fleetbridge/vehicle-feed';
import { statusTimes } from '@fleetbridge/vehicle-state';
import { addPublicKeyRoute, createPublishedKey } from './application-key/index.js';
import { loadCertificate, watchCertificate } from './certificate.js';
import { reportUnusable, storedCommandAccount } from './command-account.js';
import { type CommandAccount, TelemetryView, VehicleCommands } from './commands/index.js';
import { bindOf, type GatewayConfig } from './config.js';
import { type ConfigurationWatch, startConfigurationWatch } from './configuration-watch/index.js';
import { addRoutes } from './fleet-api/index.js';
import { createCounts, createGatewayMetrics, type GatewayCounts } from './metrics.js';
import { createServer } from './server.js';
import { SignIn } from './sign-in/index.js';
import { teslaConnection } from './tesla-connection.js';
import { openUpstream } from './tesla-upstream.js';
import { AdmittedVehicles, PresentVehicles, parseGivenIds, VehicleCatalog } from './vehicles/index.js';

export interface GatewayOptions {
  config: GatewayConfig;
  context: Pick<RunContext, 'log' | 'signal' | 'onStop'>;
  readiness: Readiness;
  /** Called when requests are accepted; the rest of the start requires Redis. */
  onOpen?: (open: { port: number; registry: Metrics['registry'] }) => void;
  /** Other limits of connections than the defaults, for tests. */
  limits?: Partial<GuardLimits>;
  now?: () => number;
  /** The key and the account of commands, in place of those of `setup`, for tests. */
  commandAccount?: CommandAccount;
}

/** A deleted vehicle disappears from the answers after this time, as in streaming. */
const DELETION_CHECK_MS = 1_000;

/** Resolves when requests are answered from current data. Throws ConfigError, ListenError, LayoutMismatch. */
export async function startGateway(options: GatewayOptions) {
  const { config, context, readiness, onOpen, limits, now = Date.now } = options;
  const { log } = context;
  warnOfShortToken(config, log);
  const certificate = await loadCertificate(config);
  const store = openStore({
    url: config.REDIS_URL,
    name: 'fleetbridge-gateway',
    namespace: config.NAMESPACE,
    partitions: config.PARTITIONS,
    onChange: reportReachability('redis', { readiness, log }),
  });
  context.onStop('redis', () => store.close());

  const counts = createCounts();
  const snapshots = new SnapshotStore(store);
  const pages = new LogPages(store);
  const feed: LogFeed = new LogFeed({
    store,
    snapshots,
    name: 'fleetbridge-gateway',
    counts,
    log,
    onEntry: (entry, decoded) => live.record(entry, decoded),
    onGap: (gap) => log.error(gap, 'gateway_gap_detected'),
    onReadable: (isReadable) =>
      readiness.set('log', isReadable ? { ready: true } : { ready: false, reason: 'unreadable' }),
  });
  const live = new LiveVehicles({ store, snapshots, pages, feed });
  context.onStop('feed', () => feed.stop());
  const deleted = new DeletedVehicles({
    forgotten: new ForgottenVehicles(store),
    pages,
    store,
    readUpTo: (partition) => feed.cursor(partition),
    vehicles: live.byVin,
    replace: (vin, records) => {
      live.replace(vin, records);
      log.info({ vin }, 'vehicle_forgotten');
    },
  });

  // the newest vehicles have no snapshot yet
  const seen = async () => [...(await snapshots.vins()), ...live.vins];
  let isPresent = false;
  const access = createAccess(config, { store, isReady: () => isPresent, now, log });
  const clients = new ClientStore(store);
  const uses = new ClientUses({ clients, now });
  const connect = teslaConnection(config, { store, counts });
  const account = config.COMMANDS ? (options.commandAccount ?? storedCommandAccount(config, connect)) : undefined;
  const commands = account && createCommands(config, { account, store, live, counts, now, log });
  const server = await createServer({
    certificate,
    counts,
    isProxy: createNetworkSet(config.TRUSTED_PROXIES),
    limits,
    log,
    routes: (fastify) => {
      addPublicKeyRoute(fastify, { read: createPublishedKey({ directory: join(config.DATA_DIR, 'tesla'), log }) });
      addRoutes(fastify, {
        access,
        addressOf: createAddressOf(config.TRUSTED_PROXIES),
        catalog: createCatalog(config, { store, seen, now }),
        present: new PresentVehicles({
          live,
          answered: new AnsweredStates(store),
          times: { ...statusTimes, offlineAfterMs: config.OFFLINE_AFTER * 1_000 },
          now,
        }),
        signIn: new SignIn({ clients, uses, now }),
        uses,
        commands,
        upstream: openUpstream(config, { store, connect, counts, now, log }),
      });
    },
  });
  const port = await server.listen({ host: bindOf(config), port: config.GATEWAY_PORT });
  context.onStop('clients', () => server.stop());
  let inUse = certificate;
  if (certificate) {
    const watch = watchCertificate(config, certificate, {
      log,
      onChange: (renewed) => {
        inUse = renewed;
        server.renewCertificate(renewed);
      },
    });
    context.onStop('certificate watch', () => watch.stop());
  }
  const metrics = createGatewayMetrics(counts, {
    refusals: () => access.refusals,
    ...(inUse === undefined
      ? {}
      : {
          certificateDaysLeft: () => daysUntil(inUse!.notAfter, now()),
          certificateRenewalDays: () => renewalDays(inUse!),
        }),
  });
  measureReadiness(metrics, readiness);
  readiness.set('clients_port', { ready: true });
  onOpen?.({ port, registry: metrics.registry });

  await agreeOnLayoutWhenReady(store, context.signal);
  await deleted.start();
  await feed.start();
  const checks = setInterval(() => {
    deleted.check().catch((err) => log.debug({ err }, 'deletion_check_failed'));
  }, DELETION_CHECK_MS);
  context.onStop('deletion checks', () => clearInterval(checks));
  const identity = watchLogIdentity({
    store,
    ...reportReplacedLog({ readiness, log }),
    restart: async () => {
      live.clear();
      await feed.restart();
    },
  });
  context.onStop('log identity', () => identity.stop());
  if (account) void reportUnusable(account, log);
  const watch = createWatch(config, { store, connect, now, log });
  if (watch) context.onStop('configuration watch', () => watch.stop());
  isPresent = true;
  readiness.set('log', { ready: true });
  return { port, counts, access, feed, live, watch };
}

interface Parts {
  store: Store;
  now: () => number;
}

function createCatalog(
  config: GatewayConfig,
  { store, seen, now }: Parts & { seen: () => Promise<readonly string[]> },
) {
  const givenIds = parseGivenIds(config.VEHICLE_IDS);
  // the configuration check has already rejected them
  if (givenIds instanceof RangeError) throw givenIds;
  return new VehicleCatalog({
    admitted: new AdmittedVehicles({
      allowedVins: config.ALLOWED_VINS,
      file: config.ALLOWED_VINS_FILE,
      admission: new AdmissionStore(store),
      seen,
      now,
    }),
    ids: new VehicleIdStore(store),
    seeds: new SeedStore(store),
    givenIds,
    now,
  });
}

function createWatch(
  config: GatewayConfig,
  parts: Parts & { connect: () => Promise<TeslaConnection>; log: RunContext['log'] },
): ConfigurationWatch | undefined {
  if (!config.CONFIGURATION_WATCH) return undefined;
  const { DATA_DIR: dataDirectory } = config;
  return startConfigurationWatch({ ...parts, dataDirectory, owner: `gateway-${randomUUID()}` });
}

interface CommandParts extends Parts {
  account: CommandAccount;
  live: LiveVehicles;
  counts: GatewayCounts;
  log: RunContext['log'];
}

function createCommands(config: GatewayConfig, { account, store, live, counts, now, log }: CommandParts) {
  const sleep = (milliseconds: number) => delay(milliseconds);
  return new VehicleCommands({
    store,
    telemetry: new TelemetryView({ live, now, sleep }),
    account,
    codes: config.COMMAND_STATUS_CODES,
    clock: { nowMs: now, monotonicMs: () => performance.now(), sleep },
    randomBytes,
    observe: {
      onCall: (kind) => counts.observeCall(kind),
      onOutcome: (command, outcome) => counts.observeCommand(command, outcome),
    },
    log,
  });
}

function createAccess(
  config: GatewayConfig,
  { store, isReady, now, log }: Parts & { isReady: () => boolean; log: RunContext['log'] },
): Access {
  return new Access({
    isRequired: config.AUTH === 'token',
    bridgeToken: config.BRIDGE_TOKEN?.reveal(),
    tokens: new TokenStore(store, now),
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

/** A right token of at least 20 characters is always accepted. With a shorter one failures lock an address out. */
function warnOfShortToken({ BRIDGE_TOKEN }: GatewayConfig, log: RunContext['log']): void {
  const token = BRIDGE_TOKEN?.reveal();
  if (token === undefined || !isGuessable(token)) return;
  log.warn({ variable: 'BRIDGE_TOKEN', remedy: 'use at least 20 random characters' }, 'short_token_configured');
}

function daysUntil(date: Date, nowMs: number): number {
  return (date.getTime() - nowMs) / 86_400_000;
}

// The dispatcher: snapshots of every vehicle, subscriptions and their deliveries, retention, and the disconnects of dead
// ingest processes. Starts in the order of this file, and stops in reverse.
import { randomUUID } from 'node:crypto';
import { guardAdminPort } from '@fleetbridge/access';
import {
  createLogger,
  createReadiness,
  formatUnknownVariable,
  loadConfig,
  measureReadiness,
  type RunContext,
  reportReachability,
  reportReplacedLog,
  runApp,
  startAdminServer,
} from '@fleetbridge/service';
import {
  agreeOnLayoutWhenReady,
  logClock,
  logIdentity,
  openStore,
  Presence,
  SnapshotStore,
  SubscriptionStore,
  sinceBootMs,
  watchLogIdentity,
} from '@fleetbridge/store';
import { dispatcherConfig } from './config.js';
import { CostStatistics, DeadConnections, FleetStatistics, MaintenanceLoop } from './maintenance/index.js';
import { createCounts, createDispatcherMetrics, deliveryCounts } from './metrics.js';
import { addVehicleRoute, createVehicleMetrics, SnapshotKeeper, type VehicleMetrics } from './snapshot/index.js';
import { Subscriptions, watchSubscriptionFile } from './subscription/index.js';

await runApp({ name: 'dispatcher', main });

async function main(context: RunContext): Promise<void> {
  const { config, warnings } = loadConfig(dispatcherConfig, { env: context.env, prefixes: ['DISPATCHER_'] });
  const log = createLogger({ name: 'dispatcher', level: config.LOG_LEVEL, format: config.LOG_FORMAT });
  context.log = log;
  context.shutdownSeconds = config.SHUTDOWN_SECONDS;
  for (const warning of warnings) log.warn({ ...warning }, formatUnknownVariable(warning));

  const counts = createCounts();
  const keepers: SnapshotKeeper[] = [];
  const readiness = createReadiness({ checks: ['redis'], signal: context.signal });
  const metrics = createDispatcherMetrics(counts, keepers);
  measureReadiness(metrics, readiness);
  let vehicles: VehicleMetrics | undefined;
  const admin = await startAdminServer({
    host: config.ADMIN_HOST,
    port: config.DISPATCHER_ADMIN_PORT,
    portVariable: 'DISPATCHER_ADMIN_PORT',
    registry: metrics.registry,
    readiness,
    guard: guardAdminPort,
    routes: (server) => addVehicleRoute(server, { isOn: config.VEHICLE_METRICS, vehicles: () => vehicles }),
    log,
  });
  context.onStop('admin server', () => admin.stop());

  const store = openStore({
    url: config.REDIS_URL,
    name: 'fleetbridge-dispatcher',
    namespace: config.NAMESPACE,
    partitions: config.PARTITIONS,
    onChange: reportReachability('redis', { readiness, log }),
  });
  context.onStop('redis', () => store.close());
  await agreeOnLayoutWhenReady(store, context.signal);

  const owner = randomUUID();
  for (let partition = 0; partition < config.PARTITIONS; partition++) {
    keepers.push(new SnapshotKeeper({ store, partition, owner, log, counts: counts.snapshots }));
  }
  context.onStop('snapshots', () => Promise.all(keepers.map((keeper) => keeper.stop())));
  await Promise.all(keepers.map((keeper) => keeper.start()));

  const definitions = new SubscriptionStore(store);
  const file =
    config.DISPATCHER_CONFIG === undefined
      ? undefined
      : watchSubscriptionFile({
          path: config.DISPATCHER_CONFIG,
          store: definitions,
          identity: () => logIdentity(store),
          log,
          now: Date.now,
        });
  context.onStop('subscription file', () => file?.stop());
  // leases are gone with the log: workers and snapshots begin again when they are acquired
  const identity = watchLogIdentity({
    store,
    ...reportReplacedLog({ readiness, log }),
    restart: async () => file?.restore(),
  });
  context.onStop('log identity', () => identity.stop());
  const subscriptions = new Subscriptions({
    store,
    owner,
    log,
    env: context.env,
    countsOf: deliveryCounts(counts, metrics),
  });
  subscriptions.start();
  context.onStop('subscriptions', (options) => subscriptions.stop(options));

  const presence = new Presence(store);
  const snapshots = new SnapshotStore(store);
  vehicles = createVehicleMetrics({ store, snapshots, keepers, now: Date.now });
  const maintenance = new MaintenanceLoop({
    store,
    retention: { hours: config.RETENTION_HOURS, entries: config.RETENTION_ENTRIES },
    memoryPercent: config.RETENTION_MEMORY_PERCENT,
    keepers,
    snapshots,
    subscriptions: definitions,
    deadConnections: new DeadConnections({
      presence,
      ping: () => presence.ping(),
      redisTimeMs: async (partition) => (await logClock(store, partition)).redisMs,
      log,
      now: Date.now,
      monotonicNow: () => performance.now(),
      counts: counts.deadConnections,
    }),
    fleetStatistics: new FleetStatistics({
      store,
      presence,
      snapshots,
      counts: counts.fleet,
      now: Date.now,
      monotonicNow: () => performance.now(),
    }),
    costStatistics: new CostStatistics({
      store,
      snapshots,
      counts: counts.cost,
      now: Date.now,
      monotonicNow: () => performance.now(),
    }),
    counts,
    log,
    now: Date.now,
    steady: sinceBootMs,
  });
  maintenance.start();
  context.onStop('maintenance', () => maintenance.stop());
  context.ready({ ports: { admin: admin.address.port } });
}

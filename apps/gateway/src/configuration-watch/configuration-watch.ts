// Sends telemetry configurations again that have gone: only those that were sent from here (packages/tesla-setup `watch/`).
// One process of the gateway does it at a time. Without a set-up there is nothing to watch.
import { join } from 'node:path';
import type { Logger } from '@fleetbridge/service';
import {
  acquireLease,
  ConfigurationStore,
  type HeldLease,
  lastReceivedMs,
  Presence,
  releaseLease,
  renewLease,
  type Store,
} from '@fleetbridge/store';
import {
  applicationKeyFile,
  loadApplicationKey,
  TeslaAccountError,
  type TeslaConnection,
} from '@fleetbridge/tesla-account';
import { knownRoots, servedChain, type Watched, watchedVehicles, watchVehicle } from '@fleetbridge/tesla-setup';

export interface ConfigurationWatchOptions {
  store: Store;
  connect: () => Promise<TeslaConnection>;
  /** DATA_DIR. */
  dataDirectory: string;
  /** Of the lease. */
  owner: string;
  now: () => number;
  log: Logger;
  everyMs?: number;
}

export interface ConfigurationWatch {
  /** Looks at all vehicles once, if no other process does. Never rejects. */
  look(): Promise<void>;
  stop(): void;
}

/** What can be seen without Tesla is seen so often; Tesla is asked at most once an hour and vehicle. */
const EVERY_MS = 600_000;
/** After a start, when the other services are up too. */
const FIRST_MS = 20_000;
const LEASE = 'configuration-watch';
const LEASE_MS = 120_000;

export function startConfigurationWatch(options: ConfigurationWatchOptions): ConfigurationWatch {
  const { store, owner, log, everyMs = EVERY_MS } = options;
  let looking: Promise<void> | undefined;
  const look = () => {
    looking ??= lookUnderLease().finally(() => {
      looking = undefined;
    });
    return looking;
  };
  const timers = [setTimeout(() => void look(), Math.min(FIRST_MS, everyMs)), setInterval(() => void look(), everyMs)];
  for (const timer of timers) timer.unref();
  const stop = () => {
    for (const timer of timers) clearTimeout(timer);
  };
  return { look, stop };

  async function lookUnderLease(): Promise<void> {
    try {
      const lease = await acquireLease(store, { partition: 0, name: LEASE, owner, leaseMs: LEASE_MS });
      if (lease === undefined) return;
      await lookAtAll(options, lease).finally(() => releaseLease(store, lease).catch(() => undefined));
    } catch (err) {
      if (err instanceof TeslaAccountError) log.warn({ problem: err.problem }, 'configuration_check_failed');
      else log.warn({ err }, 'configuration_check_failed');
    }
  }
}

async function lookAtAll(
  { store, connect, dataDirectory, now, log }: ConfigurationWatchOptions,
  lease: HeldLease,
): Promise<void> {
  const configurations = new ConfigurationStore(store);
  const vehicles = await watchedVehicles(configurations);
  const key = loadApplicationKey(applicationKeyFile(join(dataDirectory, 'tesla')))?.key;
  if (vehicles.length === 0 || key === undefined) return;
  const { owner } = await connect();
  const parts = {
    owner,
    key,
    store: configurations,
    chain: { servedChain: oncePerServer(), knownRoots: knownRoots(dataDirectory), nowMs: now },
    nowMs: now,
    quietSinceMs: (vin: string) => quietSinceMs(store, vin, now()),
  };
  for (const vehicle of vehicles) {
    // a process that was suspended must not send what another one has sent meanwhile
    await renewLease(store, lease, LEASE_MS);
    report(log, vehicle.vin, await watchVehicle(parts, vehicle));
  }
}

/** All vehicles of a look have the same server: one handshake, whatever their number. */
function oncePerServer(): typeof servedChain {
  const chains = new Map<string, Promise<string[]>>();
  return (place) => {
    const key = JSON.stringify(place);
    const chain = chains.get(key) ?? servedChain(place);
    chains.set(key, chain);
    return chain;
  };
}

/** Undefined while the vehicle is not connected, or was never received. */
async function quietSinceMs(store: Store, vin: string, nowMs: number): Promise<number | undefined> {
  if ((await new Presence(store).of(vin)) === undefined) return undefined;
  const partition = store.partitionOf(vin);
  return (await lastReceivedMs(store, { partition, vins: [vin], nowMs })).get(vin);
}

function report(log: Logger, vin: string, watched: Watched): void {
  if (watched.kind === 'sent_again') log.warn({ vin, reason: watched.reason }, 'configuration_sent_again');
  if (watched.kind === 'foreign') log.warn({ vin, remedy: 'fleetbridge config diff' }, 'other_configuration_found');
  if (watched.kind === 'held_back') {
    log.warn({ vin, reason: watched.reason, remedy: 'fleetbridge config apply' }, 'configuration_held_back');
  }
  if (watched.kind === 'problem') {
    log.warn({ vin, problem: watched.problem, isFinal: watched.isFinal }, 'configuration_check_failed');
  }
}

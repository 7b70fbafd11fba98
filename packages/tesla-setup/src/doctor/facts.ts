// Everything that several checks need, each fetched once and only when a check asks for it.

import { join } from 'node:path';
import { FleetApiError, type Problem, systemClock } from '@fleetbridge/fleet-api';
import { ConfigurationStore, memoryUse, readLogOverview, redisCondition } from '@fleetbridge/store';
import type { TelemetryConfiguration } from '@fleetbridge/telemetry-config';
import { applicationKeyFile, connectTesla, loadApplicationKey } from '@fleetbridge/tesla-account';
import { listVehicleConfigurations, type SentConfiguration } from '../configuration/index.js';
import { watchedVehicles } from '../watch/index.js';
import { handshakeOf } from './network-probes.js';
import type { DoctorOptions, Place } from './options.js';
import { NeedsFirst, needed, once, orAfter } from './run-check.js';

export type Facts = ReturnType<typeof createFacts>;

const VEHICLES = 50;
/** Of one check: longer than the retries of one call to Tesla. */
export const LIMIT_MS = 35_000;

export function createFacts(options: DoctorOptions) {
  const { dataDirectory, settings, owner, names, clock = systemClock, resolve, inside, telemetryPort } = options;
  const { limitMs = LIMIT_MS } = options;
  /** Of our clock before Tesla's, of the last answer. */
  let aheadMs: number | undefined;

  const store = once(() => {
    if (options.store === undefined) throw new NeedsFirst('needs Redis first');
    return options.store;
  });
  const condition = once(async () => await redisCondition(await store()));
  const overview = once(async () => await readLogOverview(await store(), { atMostVehicles: VEHICLES }));
  const memory = once(async () => await memoryUse((await store()).redis));

  const connection = once(async () =>
    connectTesla({
      store: await store(),
      dataDirectory,
      settings,
      owner,
      clock,
      onCall({ dateMs }) {
        if (dateMs !== undefined) aheadMs = clock.nowMs() - dateMs;
      },
    }),
  );
  const application = once(async () => (await connection()).application());
  const ownKey = once(() => loadApplicationKey(options.keyFile ?? applicationKeyFile(join(dataDirectory, 'tesla'))));
  const partner = once(async () => {
    if ((await application()) === undefined) throw new NeedsFirst('needs the application first');
    return await (await connection()).partner();
  });
  const registeredKey = once(async () => {
    const api = await needed(partner(), 'needs the application at Tesla first');
    return api.publicKey((await domain()) ?? '');
  });

  const account = once(async () => (await connection()).account.state());
  const products = once(async () => await unblocked((await connection()).owner.products()));
  /** A token that Tesla accepts. */
  const signIn = once(async () => {
    const known = await needed(application(), 'needs the application at Tesla first');
    if (known === undefined && (await account()).kind === 'signed_out') {
      throw new NeedsFirst('needs `fleetbridge setup` first');
    }
    await (await connection()).account.accessToken();
    await products().catch((error: unknown) => {
      if (!(error instanceof NeedsFirst) && !isTemporary(error)) throw error;
    });
    return account();
  });
  const signedIn = async () => {
    await needed(signIn(), 'needs the sign-in first');
    return (await connection()).owner;
  };

  const configurations = once(async () => {
    const stored = await listVehicleConfigurations(new ConfigurationStore(await store()));
    return new Map([...stored].map(([vin, { sent }]) => [vin, sent]));
  });
  /** VINs. */
  const watchStopped = once(async () => {
    const watched = await watchedVehicles(new ConfigurationStore(await store()));
    return new Set(watched.filter(({ memory }) => memory.stopped !== undefined).map(({ vin }) => vin));
  });
  const vins = once(async () => {
    const known = [...(await configurations()).keys()];
    if (known.length > 0) return known;
    await signedIn();
    return (await products()).map(({ vin }) => vin);
  });
  const statuses = once(async () => {
    const api = await signedIn();
    return await unblocked(api.fleetStatus(await vins()));
  });
  /** By VIN. */
  const states = once(async () => {
    const api = await signedIn();
    const found = (await vins()).map(async (vin) => [vin, await unblocked(api.configuration(vin))] as const);
    return new Map(await Promise.all(found));
  });
  const reports = once(async () => {
    const api = await needed(partner(), 'needs the application at Tesla first');
    return await unblocked(api.telemetryErrors());
  });

  const domain = once(async () => (await application().catch(() => undefined))?.domain ?? names.domain);
  const addresses = new Map<string, Promise<readonly string[]>>();
  const addressesOf = (name: string) => {
    const found = addresses.get(name) ?? resolve(name).catch(() => []);
    addresses.set(name, found);
    return found;
  };
  /** Where vehicles connect to, with the `ca` that they have: as at Tesla, otherwise as it was sent from here. */
  const destinations = once(async () => {
    const sent = await configurations().catch(() => new Map<string, SentConfiguration | undefined>());
    // the checks of this machine do not wait long for a Tesla that does not answer
    const atTesla = await orAfter(
      states().catch(() => undefined),
      { clock, ms: limitMs / 2, value: undefined },
    );
    const all = [...new Set([...sent.keys(), ...(atTesla?.keys() ?? [])])].flatMap((vin) => {
      const held = atTesla?.get(vin)?.config as Partial<TelemetryConfiguration> | undefined;
      const { hostname, port, ca } = held ?? sent.get(vin)?.configuration ?? {};
      return typeof hostname === 'string' && typeof port === 'number' ? [{ vin, hostname, port, ca: String(ca) }] : [];
    });
    return all;
  });
  const telemetry = once(async () => {
    const [first] = await destinations();
    const hostname = first?.hostname ?? names.telemetry ?? (await domain());
    return { hostname, port: first?.port ?? telemetryPort };
  });
  const publicPlaces = once(async (): Promise<readonly Place[]> => {
    const { hostname, port } = await telemetry();
    return hostname === undefined ? [] : (await addressesOf(hostname)).map((host) => ({ host, port }));
  });
  const handshake = once(async () => {
    const { hostname } = await telemetry();
    const found = await handshakeOf([...(await publicPlaces()), ...inside.telemetry], hostname);
    if (found === undefined) throw new NeedsFirst('needs the port for vehicles first');
    return found;
  });

  return {
    clock,
    nowMs: () => clock.nowMs(),
    aheadMs: () => aheadMs,
    isStandIn: settings.FLEET_API_URL !== undefined,
    store,
    condition,
    overview,
    memory,
    application,
    ownKey,
    partner,
    registeredKey,
    signIn,
    products,
    configurations,
    watchStopped,
    vins,
    statuses,
    states,
    reports,
    domain,
    addressesOf,
    destinations,
    telemetry,
    publicPlaces,
    handshake,
  };
}

/** What another check reports is not reported again. */
const reported: Readonly<Partial<Record<Problem, string>>> = {
  scope_missing: 'needs a scope that the sign-in does not have',
  not_registered: 'needs the registration first',
};

async function unblocked<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    const reason = error instanceof FleetApiError ? reported[error.problem] : undefined;
    throw reason === undefined ? error : new NeedsFirst(reason, { cause: error });
  }
}

function isTemporary(error: unknown): boolean {
  return (
    error instanceof FleetApiError &&
    /not_reachable|tesla_failed|time_limit|answer_lost|rate_limited/.test(error.problem)
  );
}

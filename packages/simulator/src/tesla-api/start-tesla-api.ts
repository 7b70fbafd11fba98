// A stand-in of Tesla's side on loopback: sign-in, Fleet API per region, and vehicles that connect by the stored telemetry
// configuration. Facts: docs/tesla.md.

import { type ConfiguredVehicle, createConfiguredVehicle } from '../configured-vehicle/index.js';
import type { LoopbackServer } from '../loopback-server/index.js';
import type { PhasePlan } from '../model/index.js';
import { type Clock, realClock } from '../vehicle/index.js';
import {
  type Account,
  type AccountState,
  type Application,
  defaultAccountState,
  defaultVehicleState,
  isPaired,
  type StandInVehicle,
  type VehicleState,
} from './account.js';
import { type Answer, failure, type Region } from './answer.js';
import { type Call, createCalls } from './calls.js';
import { createVehicleCommands } from './commands.js';
import { CONTROL_PATH, control } from './control.js';
import { matchEndpoint } from './endpoints.js';
import { createFaults, faultAnswer } from './faults.js';
import { type RawRequest, startHttpsServer } from './https-server.js';
import { type FetchPublicKey, pair } from './partner.js';
import { type OnCommand, type OnSignedCommand, respond } from './respond.js';
import { addError, changeVehicle, removeConfig, syncWhenAwake } from './telemetry.js';
import type { TeslaApi, TeslaApiVehicleView } from './tesla-api.js';
import { createTokens } from './tokens.js';

export interface TeslaApiOptions {
  /** The server's certificate and key, PEM, for the name or address that clients use. */
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly application: Application;
  readonly vehicles: readonly TeslaApiVehicle[];
  /** Reads the public key of a domain, as Tesla does at the registration. */
  readonly fetchPublicKey: FetchPublicKey;
  /** Default: na and eu, at any free port. */
  readonly ports?: Partial<Record<Region, number>>;
  /** The host in the URLs of the API; default localhost. */
  readonly host?: string;
  /** How vehicles resolve host names; default: each to 127.0.0.1. */
  readonly lookup?: (hostname: string) => string | Promise<string>;
  readonly account?: Partial<AccountState>;
  readonly clock?: Clock;
  /** In place of the vehicles. */
  readonly onSignedCommand?: OnSignedCommand;
  readonly onCommand?: OnCommand;
  /** Sections of vehicle_data (`charge_state`, …) of one vehicle. */
  readonly documentOf?: (vin: string) => object;
  readonly onEvent?: (vin: string, event: Parameters<NonNullable<VehicleEventListener>>[0]) => void;
}

type VehicleEventListener = Parameters<typeof createConfiguredVehicle>[0]['onEvent'];

export interface TeslaApiVehicle {
  readonly vin: string;
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly state?: Partial<VehicleState>;
  readonly plan?: readonly PhasePlan[];
  readonly timeScale?: number;
  readonly startMs?: number;
  readonly reconnect?: { readonly minimumMs: number; readonly maximumMs: number };
}

export async function startTeslaApi(options: TeslaApiOptions): Promise<TeslaApi> {
  const { clock = realClock, host = 'localhost', ports = { na: 0, eu: 0 } } = options;
  const account: Account = {
    application: options.application,
    state: { ...defaultAccountState, ...options.account },
    vehicles: new Map(options.vehicles.map((given, index) => [given.vin, createVehicle(given, index)])),
    registrations: new Map(),
    errors: [],
  };
  const tokens = createTokens(() => clock.now());
  const calls = createCalls();
  const faults = createFaults();
  const urls: Partial<Record<Region, string>> = {};
  const servers: LoopbackServer[] = [];
  const context = {
    account,
    tokens,
    clock,
    fetchPublicKey: options.fetchPublicKey,
    commands: createVehicleCommands(account.vehicles, clock),
    onSignedCommand: options.onSignedCommand,
    onCommand: options.onCommand,
    documentOf: options.documentOf ?? (() => ({})),
    baseUrlOf: (region: Region) => urls[region] ?? '',
  };

  for (const [region, port] of Object.entries(ports) as [Region, number][]) {
    const server = await startHttpsServer({
      certificatePem: options.certificatePem,
      keyPem: options.keyPem,
      port,
      dateOf: () => new Date(clock.now() + account.state.dateSkewMs),
      handle: (request) => handle(region, request),
    });
    servers.push(server);
    urls[region] = `https://${host}:${server.port}`;
  }
  const url = urls.na ?? Object.values(urls)[0]!;

  const api: TeslaApi = {
    url,
    urls,
    authUrl: url,
    vins: [...account.vehicles.keys()],
    calls,
    faults,
    accountState: account.state,
    errors: account.errors,
    vehicle: (vin) => viewOf(account, vehicleOf(vin)),
    pair: (domain, vin) => pair(account, domain, vin),
    async changeAccount(change) {
      Object.assign(account.state, change);
      // Tesla deletes the configurations at the billing limit.
      if (account.state.isLimitReached || account.state.isDisabled) await removeAll();
    },
    changeVehicle: (vin, change) => changeVehicle(account, clock, vehicleOf(vin), change),
    revokeSignIn: () => tokens.revokeOwner(),
    async stop() {
      await Promise.all(servers.map((server) => server.stop()));
      await removeAll();
      await Promise.all([...account.vehicles.values()].map(({ car }) => car.stop()));
    },
  };
  return api;

  function vehicleOf(vin: string): StandInVehicle {
    const vehicle = account.vehicles.get(vin);
    if (vehicle === undefined) throw new RangeError(`unknown VIN ${vin}`);
    return vehicle;
  }

  async function removeAll(): Promise<void> {
    await Promise.all([...account.vehicles.values()].map(removeConfig));
  }

  async function handle(region: Region, raw: RawRequest): Promise<Answer | 'never' | undefined> {
    const { method, url: address, authorization, body } = raw;
    const path = address.pathname;
    const match = matchEndpoint(method, path);
    const vehicle = typeof match === 'object' ? match.vehicle : undefined;
    const request = { method, path, query: address.searchParams, vehicle, authorization, body, region };
    if (path.startsWith(CONTROL_PATH)) return control(api, request);
    if (match === undefined) return failure(404, 'not_found');
    if (match === 'wrong_method') return failure(405, 'method not allowed');

    const { endpoint } = match;
    const grantType = endpoint === 'token' ? (new URLSearchParams(body).get('grant_type') ?? undefined) : undefined;
    const call: Call = { endpoint, region, vehicle, grantType, timeMs: clock.now(), status: undefined };
    calls.add(call);
    const play = faults.next(endpoint);
    if (play?.kind === 'cut') return undefined;
    if (play?.kind === 'hang') return 'never';
    const answer = play?.kind === 'answer' ? faultAnswer(play) : await respond(context, request, match);
    if (play?.kind === 'lose_answer') return undefined;
    if (play?.kind === 'delay') await new Promise<void>((resolve) => clock.after(play.ms, resolve));
    call.status = answer.status;
    return answer;
  }

  function createVehicle(given: TeslaApiVehicle, index: number): StandInVehicle {
    const state = { ...defaultVehicleState, ...given.state };
    const car: ConfiguredVehicle = createConfiguredVehicle({
      vin: given.vin,
      firmware: () => state.firmware,
      identity: () => (state.hasClientCertificate ? given : undefined),
      lookup: options.lookup ?? (() => '127.0.0.1'),
      plan: given.plan,
      timeScale: given.timeScale,
      startMs: given.startMs,
      reconnect: given.reconnect,
      clock,
      onError: (error) => addError(account, clock, given.vin, error),
      onEvent(event) {
        if (event.type === 'phase') {
          state.isAwake = event.phase !== 'sleep';
          if (state.isAwake) syncWhenAwake(account, clock, vehicleOf(given.vin));
        }
        options.onEvent?.(given.vin, event);
      },
    });
    return {
      vin: given.vin,
      id: 100_000_000_001 + index,
      vehicleId: 1_000_001 + index,
      state,
      pairedKeys: new Set(),
      car,
      executions: [],
      config: undefined,
      cancelSync: () => {},
    };
  }
}

function viewOf(account: Account, vehicle: StandInVehicle): TeslaApiVehicleView {
  const { config, car, state, executions } = vehicle;
  return {
    state,
    isPaired: isPaired(account, vehicle),
    isConnected: car.isConnected,
    isSynced: config?.isSynced ?? false,
    isRefused: config?.isRefused ?? false,
    config: config?.claims,
    signals: car.signals,
    executions,
    simulated: car.vehicle,
  };
}

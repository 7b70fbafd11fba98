// The gateway in this process: its real route handlers on a port that the system chooses, a real Redis, and a vehicle that
// writes to the log as ingest does. The clock can be that of the test.
import type { GuardLimits } from '@fleetbridge/access';
import { type Datum, encodeMessage, Field, timestampOf, type Value } from '@fleetbridge/protocol';
import { createLogger, createReadiness, loadConfig, type Metrics, type StopFunction } from '@fleetbridge/service';
import { AdmissionStore, ClientStore, connectivityPayload, type Store, TokenStore } from '@fleetbridge/store';
import { it as redisIt } from '@fleetbridge/store/testing';
import { gatewayConfig } from '../src/config.js';
import { type GatewayOptions, startGateway } from '../src/gateway.js';

export const VIN = '5YJ3E1EA7KF000001';
export const OTHER_VIN = '5YJ3E1EA7KF000002';
export const TOKEN = 'bridge-token-of-the-test';
export const START_MS = Date.UTC(2026, 10, 1, 8);

export type Sent = number | string | boolean | null | { latitude: number; longitude: number } | Value;
export type Signals = Partial<Record<keyof typeof Field, Sent>>;

/** What a car must have sent before it can be online. */
export const parked = {
  Location: { latitude: 48.1, longitude: 11.5 },
  Gear: 'ShiftStateP',
  Odometer: 12_345.678,
  RatedRange: 210.5,
  BatteryLevel: 71.6,
  Soc: 70.2,
  CarType: 'CarTypeModel3',
  Trim: '74D',
  Version: '2026.20.6',
  VehicleName: 'Bob',
} as const satisfies Signals;

export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: the documents are checked by vehicleDataMistakes
  body: any;
}

export interface RigOptions {
  env?: Record<string, string>;
  /** Default: a clock that only `clock.nowMs` moves. */
  isRealClock?: boolean;
  commandAccount?: GatewayOptions['commandAccount'];
  limits?: Partial<GuardLimits>;
}

export type Rig = Awaited<ReturnType<typeof createRig>>;

/** Test function with `startRig`; everything that it starts is stopped after the test. */
export const it = redisIt.extend<{ startRig: (options?: RigOptions) => Promise<Rig> }>({
  startRig: async ({ store, cleanup }, use) => {
    await use(async (options = {}) => {
      const rig = await createRig(store, options);
      cleanup.push(() => rig.stop());
      return rig;
    });
  },
});

export async function createRig(
  store: Store,
  { env = {}, isRealClock = false, commandAccount, limits }: RigOptions = {},
) {
  const { config } = loadConfig(gatewayConfig, {
    env: {
      REDIS_URL: store.url,
      NAMESPACE: store.namespace,
      GATEWAY_PORT: '0',
      BRIDGE_TOKEN: TOKEN,
      ALLOWED_VINS: VIN,
      ...env,
    },
  });
  const clock = { nowMs: START_MS };
  const now = isRealClock ? Date.now : () => clock.nowMs;
  const lines: Record<string, unknown>[] = [];
  const log = createLogger({
    name: 'gateway',
    level: 'debug',
    destination: { write: (line) => void lines.push(JSON.parse(line)) },
  });
  const stops: StopFunction[] = [];
  const stopping = new AbortController();
  const readiness = createReadiness({ signal: stopping.signal });
  let registry: Metrics['registry'] | undefined;
  const gateway = await startGateway({
    config,
    context: { log, signal: stopping.signal, onStop: (_: string, stop: StopFunction) => void stops.push(stop) },
    readiness,
    now,
    ...(commandAccount && { commandAccount }),
    ...(limits && { limits }),
    onOpen: (open) => {
      registry = open.registry;
    },
  });
  const url = `http://127.0.0.1:${gateway.port}`;

  async function request(path: string, { token = TOKEN, ...init }: RequestInit & { token?: string } = {}) {
    const authorization = token === '' ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(`${url}${path}`, { ...init, headers: { ...authorization, ...init.headers } });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') === true;
    const body = text === '' ? undefined : isJson ? JSON.parse(text) : text;
    return { status: response.status, headers: response.headers, body } satisfies Answer;
  }

  return {
    ...gateway,
    url,
    clock,
    lines,
    store,
    readiness,
    request,
    tokens: new TokenStore(store, now),
    clients: new ClientStore(store),
    admission: new AdmissionStore(store),
    vehicle: (vin = VIN) => new LoggedVehicle(store, vin, now),
    vehicleAt: (at: () => number, vin = VIN) => new LoggedVehicle(store, vin, at),
    /** Of the metrics. */
    registry: registry!,
    products: async () => (await request('/api/1/products')).body.response,
    one: async (id: string | number = VIN) => (await request(`/api/1/vehicles/${id}`)).body.response,
    data: (id: string | number = VIN) =>
      request(`/api/1/vehicles/${id}/vehicle_data?endpoints=charge_state%3Bdrive_state`),
    stop: async () => {
      stopping.abort();
      for (const stop of stops.splice(0).reverse()) await stop({ deadlineMs: 5_000 });
    },
  };
}

/** Every value of the namespace, as Redis stores it, and as text. */
export async function dumpOf({ redis, namespace }: Store): Promise<string> {
  const texts: string[] = [];
  for (const key of await redis.keys(`${namespace}*`)) {
    const dump = await redis.dumpBuffer(key);
    texts.push(key, dump?.toString('latin1') ?? '');
    const type = await redis.type(key);
    if (type === 'hash') texts.push(JSON.stringify(await redis.hgetall(key)));
    if (type === 'stream') texts.push(JSON.stringify(await redis.xrange(key, '-', '+')));
    if (type === 'string') texts.push((await redis.get(key)) ?? '');
  }
  return texts.join('\n');
}

/** Appends as ingest does. The id of an entry is the time of the rig's clock. */
export class LoggedVehicle {
  readonly #store: Store;
  readonly #vin: string;
  readonly #now: () => number;
  static #sequence = 0;

  constructor(store: Store, vin: string, now: () => number) {
    this.#store = store;
    this.#vin = vin;
    this.#now = now;
  }

  connect(): Promise<string> {
    return this.#presence(true);
  }

  disconnect(): Promise<string> {
    return this.#presence(false);
  }

  send(signals: Signals, createdMs = this.#now()): Promise<string> {
    const data = Object.entries(signals).map(([name, sent]) => ({
      key: Field[name as keyof typeof Field],
      value: wireValue(sent),
    }));
    return this.sendData(data, createdMs);
  }

  sendData(data: Datum[], createdMs = this.#now()): Promise<string> {
    const payload = encodeMessage('V', { vin: this.#vin, createdAt: timestampOf(createdMs), data });
    return this.#append('V', payload, createdMs);
  }

  #presence(isConnected: boolean): Promise<string> {
    const atMs = this.#now();
    const facts = { vin: this.#vin, connectionId: 'c-1', isConnected, atMs, networkInterface: 'wifi' };
    return this.#append('connectivity', connectivityPayload(facts), atMs);
  }

  async #append(topic: string, payload: Buffer, createdMs: number): Promise<string> {
    const { records } = this.#store.keysOf(this.#vin);
    const nowMs = this.#now();
    const id = `${nowMs}-${LoggedVehicle.#sequence++}`;
    const fields = { vin: this.#vin, topic, txid: id, created: createdMs, received: nowMs, version: '' };
    return (await this.#store.redis.xadd(records, id, ...Object.entries(fields).flat(), 'payload', payload))!;
  }
}

function wireValue(sent: Sent): Value {
  if (sent === null) return { invalid: true };
  if (typeof sent === 'number') return { doubleValue: sent };
  if (typeof sent === 'string') return { stringValue: sent };
  if (typeof sent === 'boolean') return { booleanValue: sent };
  return 'latitude' in sent ? { locationValue: sent as { latitude: number; longitude: number } } : (sent as Value);
}

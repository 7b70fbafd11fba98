// The three processes as an operator runs them, with a real Redis, and an example of everything that they count: vehicles
// that drive and charge, invalid messages, rejected clients, a subscription with a dead letter.
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { get, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureDevelopmentPki } from '@fleetbridge/pki';
import { type Datum, DetailedChargeState, encodeMessage, Field, ShiftState, timestampOf } from '@fleetbridge/protocol';
import { connectVehicle, TeslaMateClient, type VehicleConnection } from '@fleetbridge/simulator';
import { openStore, TokenStore, whenReady } from '@fleetbridge/store';
import { eventually, freePort, startRedis } from '@fleetbridge/testing';
import { startApp } from './start-app.js';

const DRIVING = '5YJ3E1EA7KF000001';
const CHARGING = '5YJ3E1EA7KF000002';
const STRANGER = '5YJ3E1EA7KF000003';
const TOKEN = 'a-token-of-the-test';

export type MonitoredFleet = Awaited<ReturnType<typeof startMonitoredFleet>>;

/** Where Prometheus will find the processes. */
export async function chooseAdminPorts() {
  return {
    ingest: await freePort(),
    dispatcher: await freePort(),
    streaming: await freePort(),
    gateway: await freePort(),
  };
}

export type AdminPorts = Awaited<ReturnType<typeof chooseAdminPorts>>;

/** Resolves when every metric has counted an event. */
export async function startMonitoredFleet(admin: AdminPorts) {
  const folder = mkdtempSync(join(tmpdir(), 'fleetbridge-monitoring-'));
  const cleanUp: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const stop = async () => {
    for (const undo of cleanUp.splice(0).reverse()) await undo();
  };
  try {
    const redis = await startRedis(['--maxmemory', '512mb', '--maxmemory-policy', 'noeviction']);
    cleanUp.push(() => redis.stop());
    const vins = [DRIVING, CHARGING, STRANGER];
    const pki = ensureDevelopmentPki({ directory: join(folder, 'pki'), hosts: [], vins });
    const caPem = readFileSync(pki.serverAuthority.certFile, 'utf8');
    const subscriptions = join(folder, 'subscriptions.yaml');
    writeFileSync(subscriptions, await subscriptionFile(cleanUp));

    const env = { REDIS_URL: redis.url, DATA_DIR: folder, LOG_FORMAT: 'json', SHUTDOWN_SECONDS: '5' };
    const start = (app: string, own: Record<string, string>) => startApp(app, { ...env, ...own }, { cleanUp });
    const [ingest, , streaming, gateway] = await Promise.all([
      start('ingest', {
        INGEST_HOST: '127.0.0.1',
        INGEST_PORT: '0',
        INGEST_ADMIN_PORT: String(admin.ingest),
        // several, to include the sums of a primary
        INGEST_WORKERS: '2',
        ALLOWED_VINS: `${DRIVING},${CHARGING}`,
      }),
      start('dispatcher', {
        DISPATCHER_ADMIN_PORT: String(admin.dispatcher),
        DISPATCHER_CONFIG: subscriptions,
        VEHICLE_METRICS: 'on',
      }),
      start('streaming', {
        STREAMING_BIND: '127.0.0.1',
        STREAMING_PORT: '0',
        STREAMING_GRPC_PORT: '0',
        STREAMING_ADMIN_PORT: String(admin.streaming),
        BRIDGE_TOKEN: TOKEN,
      }),
      start('gateway', {
        GATEWAY_PORT: '0',
        GATEWAY_ADMIN_PORT: String(admin.gateway),
        GATEWAY_CERT_FILE: pki.server.certFile,
        GATEWAY_KEY_FILE: pki.server.keyFile,
        ALLOWED_VINS: `${DRIVING},${CHARGING}`,
        BRIDGE_TOKEN: TOKEN,
        COMMANDS: 'on',
      }),
    ]);
    const commandToken = await createCommandToken(redis.url);
    const connect = (vin: string) => {
      const { certFile, keyFile } = pki.vehicles.get(vin)!;
      return connectVehicle({
        url: `wss://127.0.0.1:${ingest.vehicles}/`,
        certificatePem: readFileSync(certFile, 'utf8'),
        keyPem: readFileSync(keyFile, 'utf8'),
        caPem,
      });
    };
    // The subscription must exist before the first record, because it starts at the end of the log.
    await eventually(async () => (await page(admin.dispatcher)).includes('fleetbridge_subscription_lag_records{'));

    await connect(STRANGER).catch(() => {});
    const odd = await connect(CHARGING);
    odd.sendText('no vehicle sends text');
    await new Promise<void>((resolve) => odd.onClose(() => resolve()));
    const site = `https://127.0.0.1:${streaming.clients}`;
    get(`${site}/vehicles?token=wrong`, { ca: caPem }).on('error', () => {});
    const events = get(`${site}/events?token=${TOKEN}`, { ca: caPem }).on('error', () => {});
    cleanUp.push(() => events.destroy());

    const driving = await connect(DRIVING);
    const charging = await connect(CHARGING);
    cleanUp.push(() => driving.terminate());
    cleanUp.push(() => charging.terminate());
    const poll = (token: string) =>
      get(`https://127.0.0.1:${gateway.clients}/api/1/products?token=${token}`, { ca: caPem }, (answer) =>
        answer.resume(),
      ).on('error', () => {});
    poll('wrong');
    // counted, though no Tesla account is set up
    const command = () =>
      request(
        `https://127.0.0.1:${gateway.clients}/api/1/vehicles/${DRIVING}/command/door_lock?token=${commandToken}`,
        {
          method: 'POST',
          ca: caPem,
        },
      )
        .on('response', (answer) => answer.resume())
        .on('error', () => {})
        .end();
    let sent = 0;
    const beat = () => {
      sent++;
      poll(TOKEN);
      command();
      sendSignals(driving, DRIVING, driveSignals(sent));
      sendSignals(charging, CHARGING, chargeSignals(sent));
    };
    beat();
    const alerts = [{ name: 'an_alert', startedAt: timestampOf(Date.now()) }];
    send(
      driving,
      DRIVING,
      'alerts',
      encodeMessage('alerts', { alerts, createdAt: timestampOf(Date.now()), vin: DRIVING }),
    );
    charging.sendBytes(Buffer.from('not an envelope'));
    const beating = setInterval(beat, 250);
    cleanUp.push(() => clearInterval(beating));

    await eventually(async () => (await value(admin.dispatcher, 'fleetbridge_snapshot_records_total')) >= 6);
    const merged = await value(admin.dispatcher, 'fleetbridge_snapshot_records_total');
    // a TeslaMate that gets `vehicle_disconnected` would wait before it subscribes again
    await eventually(async () => (await value(admin.streaming, 'fleetbridge_streaming_records_total')) >= merged);
    const teslaMate = new TeslaMateClient({
      url: `wss://127.0.0.1:${streaming.clients}`,
      token: TOKEN,
      tag: DRIVING,
      caPem,
    });
    cleanUp.push(() => teslaMate.stop());
    await teslaMate.connect();
    await teslaMate.waitFor(({ frames }) => frames.length > 1);
    await eventually(async () => {
      const text = await page(admin.dispatcher);
      return (
        /^fleetbridge_subscription_dead_letters\{.*\} [1-9]/m.test(text) && /^fleetbridge_log_entries\{/m.test(text)
      );
    });
    return {
      vins: { driving: DRIVING, charging: CHARGING },
      subscription: 'home',
      /** The pages that prometheus.yml asks for. */
      pages: () =>
        Promise.all([
          page(admin.ingest),
          page(admin.dispatcher),
          page(admin.streaming),
          page(admin.gateway),
          page(admin.dispatcher, '/metrics/vehicles'),
        ]),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function createCommandToken(url: string): Promise<string> {
  const store = openStore({ url, name: 'test', namespace: 'telemetry', partitions: 1 });
  try {
    await whenReady(store.redis, 10_000);
    const { token } = await new TokenStore(store).create({ vin: '*', label: '', nowMs: 1, scopes: ['command'] });
    return token;
  } finally {
    store.close();
  }
}

async function page(port: number, path = '/metrics'): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}${path}`)).text();
}

/** The value of a metric without labels. */
async function value(port: number, name: string): Promise<number> {
  return Number(new RegExp(`^${name}\\{.*\\} (\\S+)$`, 'm').exec(await page(port))?.[1] ?? Number.NaN);
}

/** An endpoint that accepts everything except alerts, and the subscription to it. */
async function subscriptionFile(cleanUp: (() => unknown)[]): Promise<string> {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    const isAlert = JSON.parse(body).message.attributes.txtype === 'alerts';
    response.writeHead(isAlert ? 400 : 204).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return `subscriptions: [{ name: home, maximumDeliveries: 1, backOff: { minimumSeconds: 0.01 }, push: { url: "${url}" } }]`;
}

let txids = 0;

function send(connection: VehicleConnection, vin: string, topic: string, payload: Uint8Array): void {
  const createdAtSeconds = Math.floor(Date.now() / 1000);
  connection.send({ txid: `t${txids++}`, topic, payload, senderId: `vehicle_device.${vin}`, createdAtSeconds });
}

function sendSignals(connection: VehicleConnection, vin: string, data: Datum[]): void {
  send(connection, vin, 'V', encodeMessage('V', { data, createdAt: timestampOf(Date.now()), vin }));
}

function driveSignals(n: number): Datum[] {
  return [
    { key: Field.Location, value: { locationValue: { latitude: 48.1 + n / 10_000, longitude: 11.5 } } },
    { key: Field.Gear, value: { shiftStateValue: ShiftState.ShiftStateD } },
    ...numbers({
      VehicleSpeed: 31,
      GpsHeading: 90,
      PackVoltage: 400,
      PackCurrent: -50,
      OutsideTemp: 12,
      InsideTemp: 21,
    }),
    ...numbers({ Soc: 70, RatedRange: 200, EstBatteryRange: 180, Odometer: 10_000 + n / 10 }),
  ];
}

function chargeSignals(n: number): Datum[] {
  return [
    { key: Field.Location, value: { locationValue: { latitude: 48.2, longitude: 11.6 } } },
    { key: Field.Gear, value: { shiftStateValue: ShiftState.ShiftStateP } },
    {
      key: Field.DetailedChargeState,
      value: { detailedChargeStateValue: DetailedChargeState.DetailedChargeStateCharging },
    },
    ...numbers({ ACChargingPower: 11, Soc: 40 + n / 100, ChargeLimitSoc: 80, TimeToFullCharge: 3.5 }),
  ];
}

function numbers(values: Partial<Record<keyof typeof Field, number>>): Datum[] {
  return Object.entries(values).map(([name, doubleValue]) => ({
    key: Field[name as keyof typeof Field],
    value: { doubleValue },
  }));
}

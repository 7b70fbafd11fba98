// vehicle_data requests of the gateway, for a thousand vehicles: CPU per request in its process, so that a busy load
// generator does not count, and the time to the answer.
import { Agent, get } from 'node:http';
import { encodeMessage, Field, ShiftState, timestampOf } from '@fleetbridge/protocol';
import { connectivityPayload, openStore, whenReady } from '@fleetbridge/store';
import { heapFloors } from './measure.mjs';
import { cpuMicros, residentBytes, startNode } from './processes.mjs';

const NAMESPACE = 'bench-gateway';
const IN_FLIGHT = 16;

export async function measureGateway({ redis, token, vehicles = 1_000, seconds, warmUpSeconds, soakSeconds = 0 }) {
  const vins = Array.from({ length: vehicles }, (_, index) => `5YJ3E1EA7KF${String(index + 1).padStart(6, '0')}`);
  await fillLog(redis.url, vins);
  const dispatcher = await startNode('apps/dispatcher/dist/main.js', {
    REDIS_URL: redis.url,
    NAMESPACE,
    DISPATCHER_ADMIN_PORT: '0',
  });
  const gateway = await startNode('apps/gateway/dist/main.js', {
    REDIS_URL: redis.url,
    NAMESPACE,
    GATEWAY_PORT: '0',
    GATEWAY_ADMIN_PORT: '0',
    ALLOWED_VINS: vins.join(','),
    BRIDGE_TOKEN: token,
  });
  const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT });
  const request = { agent, port: gateway.ports.clients, headers: { authorization: `Bearer ${token}` } };
  await load({ request, vins, seconds: warmUpSeconds });
  const bytesBefore = residentBytes(gateway.pid);
  const cpuBefore = cpuMicros(gateway.pid);
  const times = await load({ request, vins, seconds });
  const cpu = cpuMicros(gateway.pid) - cpuBefore;
  const grownBytes = residentBytes(gateway.pid) - bytesBefore;
  const floors = soakSeconds > 0 ? await soak({ redis, gateway, request, vins, seconds: soakSeconds }) : undefined;
  agent.destroy();
  await gateway.stop();
  await dispatcher.stop();
  times.sort((a, b) => a - b);
  return {
    microsPerRequest: cpu / times.length,
    perSecond: times.length / seconds,
    p50Ms: times[Math.floor(times.length * 0.5)],
    p99Ms: times[Math.floor(times.length * 0.99)],
    grownBytes,
    floors,
  };
}

const SOAK_RECORDS_PER_SECOND = 200;

/** Requests while all vehicles send: the document of a vehicle is made again after each of its records. */
async function soak({ redis, gateway, request, vins, seconds }) {
  const store = openStore({ url: redis.url, name: 'bench', namespace: NAMESPACE, partitions: 1 });
  await whenReady(store.redis, 5_000);
  let sent = 0;
  const sender = setInterval(() => {
    for (let n = 0; n < SOAK_RECORDS_PER_SECOND / 10; n++) {
      const vin = vins[sent++ % vins.length];
      const atMs = Date.now();
      const data = [{ key: Field.Odometer, value: { doubleValue: 12_345 + sent / 1_000 } }];
      const payload = encodeMessage('V', { vin, createdAt: timestampOf(atMs), data });
      const fields = { vin, topic: 'V', txid: '', created: atMs, received: atMs, version: '' };
      const entry = [...Object.entries(fields).flat(), 'payload', payload];
      void store.redis.xadd(store.keys(0).records, 'MAXLEN', '~', 20_000, '*', ...entry);
    }
  }, 100);
  const adminUrls = { gateway: `http://127.0.0.1:${gateway.ports.admin}` };
  const floors = await heapFloors(adminUrls, () => load({ request, vins, seconds }));
  clearInterval(sender);
  store.close();
  return floors.gateway;
}

/** A connected, parked vehicle per VIN, as ingest would store it. */
async function fillLog(url, vins) {
  const store = openStore({ url, name: 'bench', namespace: NAMESPACE, partitions: 1 });
  await whenReady(store.redis, 5_000);
  const { records } = store.keys(0);
  for (const vin of vins) {
    const atMs = Date.now();
    const connected = connectivityPayload({
      vin,
      connectionId: 'c',
      isConnected: true,
      atMs,
      networkInterface: 'wifi',
    });
    const parked = encodeMessage('V', { vin, createdAt: timestampOf(atMs), data: parkedSignals() });
    for (const [topic, payload] of [
      ['connectivity', connected],
      ['V', parked],
    ]) {
      const fields = { vin, topic, txid: '', created: atMs, received: atMs, version: '' };
      await store.redis.xadd(records, '*', ...Object.entries(fields).flat(), 'payload', payload);
    }
  }
  store.close();
}

function parkedSignals() {
  const numbers = { Odometer: 12_345.6, RatedRange: 210, BatteryLevel: 71, Soc: 70, InsideTemp: 20.5, OutsideTemp: 11 };
  return [
    { key: Field.Location, value: { locationValue: { latitude: 48.1, longitude: 11.5 } } },
    { key: Field.Gear, value: { shiftStateValue: ShiftState.ShiftStateP } },
    ...Object.entries(numbers).map(([name, value]) => ({ key: Field[name], value: { doubleValue: value } })),
  ];
}

/** Milliseconds of each request. */
async function load({ request, vins, seconds }) {
  const times = [];
  const until = performance.now() + seconds * 1_000;
  let next = 0;
  const worker = async () => {
    while (performance.now() < until) {
      const vin = vins[next++ % vins.length];
      const startedMs = performance.now();
      await fetchOnce({ ...request, path: `/api/1/vehicles/${vin}/vehicle_data` });
      times.push(performance.now() - startedMs);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  return times;
}

function fetchOnce(request) {
  return new Promise((resolve, reject) => {
    get(request, (response) => {
      if (response.statusCode !== 200) reject(new Error(`vehicle_data answered ${response.statusCode}`));
      response.resume().on('end', resolve);
    }).on('error', reject);
  });
}

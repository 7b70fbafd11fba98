// The measurements. Each one alternates between the bare echo and ingest several times, so that a change of the machine's
// speed affects both.
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { TeslaMateClient } from '@fleetbridge/simulator';
import { connectFleet, drivingPayload, sendSteadily } from './fleet.mjs';
import { latencyHistogram, latencySummary, recordLatency } from './latency.mjs';
import { runLoad } from './load.mjs';
import { cpuMicros, residentBytes, treeCpuMicros } from './processes.mjs';

/** CPU of the server and of Redis per record, and records per second, with `connections` × `inFlight` records in flight. */
export async function measureRecords({ target, fleet, redisPid, connections = 50, inFlight = 8, seconds }) {
  const identities = fleet.identities.slice(0, connections);
  const before = { server: treeCpuMicros(target.pid), redis: redisPid ? cpuMicros(redisPid) : 0 };
  const load = await runLoad({
    url: target.url,
    caPem: fleet.serverCaPem,
    identities,
    inFlight,
    durationMs: seconds * 1000,
    payload: drivingPayload({ vin: identities[0].vin }),
    batchWrites: false,
  });
  if (load.acknowledged !== load.sent)
    throw new Error(`${load.sent - load.acknowledged} of ${load.sent} records were not acknowledged`);
  const { p50Ms, p99Ms } = latencySummary(load.latencies);
  return {
    microsPerRecord: (treeCpuMicros(target.pid) - before.server) / load.acknowledged,
    redisMicrosPerRecord: redisPid ? (cpuMicros(redisPid) - before.redis) / load.acknowledged : 0,
    perSecond: load.perSecond,
    ackP50Ms: p50Ms,
    ackP99Ms: p99Ms,
  };
}

/** CPU per handshake including the upgrade, and memory per connection that is idle afterwards. */
export async function measureConnections({ target, fleet, connections }) {
  const before = { cpu: cpuMicros(target.pid), resident: residentBytes(target.pid) };
  const open = [];
  for (let first = 0; first < connections; first += 25) {
    const batch = fleet.identities.slice(first, Math.min(first + 25, connections));
    open.push(...(await connectFleet({ url: target.url, fleet, identities: batch })));
  }
  const cpu = cpuMicros(target.pid) - before.cpu;
  // gives the process time to collect the garbage of the handshakes
  await delay(3_000);
  const resident = residentBytes(target.pid) - before.resident;
  for (const connection of open) connection.terminate();
  return { microsPerHandshake: cpu / connections, bytesPerConnection: resident / connections };
}

/** Milliseconds from a vehicle's send to TeslaMate's receive, at `perSecond` records in total. */
export async function measureEndToEnd({ perSecond = 1_000, seconds, ...chain }) {
  const drive = await startDrive(chain);
  drive.latencies.reset();
  const expected = perSecond * seconds;
  await sendSteadily({ perSecond, seconds, send: drive.send });
  const deadline = performance.now() + 10_000;
  while (drive.latencies.totalCount < expected && performance.now() < deadline) await delay(20);
  drive.stop();
  return { expected, received: drive.latencies.totalCount, ...latencySummary(drive.latencies) };
}

/**
 * Heap of each app in bytes under a steady load from vehicles to TeslaMate: the minimum of each tenth of the duration, so
 * that garbage not yet collected does not count. `adminUrls`: per app.
 */
export async function measureSoak({ adminUrls, perSecond = 1_000, seconds, ...chain }) {
  const drive = await startDrive(chain);
  const floors = await heapFloors(adminUrls, () => sendSteadily({ perSecond, seconds, send: drive.send }));
  drive.stop();
  return { records: perSecond * seconds, floors };
}

/** The least heap in each tenth of the time that `load` takes, in bytes, of each process. */
export async function heapFloors(adminUrls, load) {
  const samples = Object.fromEntries(Object.keys(adminUrls).map((app) => [app, []]));
  const sampler = setInterval(() => {
    for (const [app, url] of Object.entries(adminUrls)) void heapOf(url).then((bytes) => samples[app].push(bytes));
  }, 500);
  await load();
  clearInterval(sampler);
  return Object.fromEntries(Object.entries(samples).map(([app, heaps]) => [app, minimumOfEachTenth(heaps)]));
}

async function heapOf(adminUrl) {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  return Number(/^nodejs_heap_size_used_bytes\S* (\S+)/m.exec(text)[1]);
}

function minimumOfEachTenth(values) {
  const tenth = Math.floor(values.length / 10);
  return Array.from({ length: 10 }, (_, index) => Math.min(...values.slice(index * tenth, (index + 1) * tenth)));
}

/** Connected vehicles, each with a TeslaMate client that subscribes to it. The odometer identifies a record. */
async function startDrive({ ingestUrl, streamingUrl, token, fleet, vehicles = 20 }) {
  const identities = fleet.identities.slice(0, vehicles);
  const sentMs = new Map();
  const latencies = latencyHistogram();
  const connections = await connectFleet({ url: ingestUrl, fleet, identities });
  let sequence = 1;
  const send = (index) => {
    const connection = connections[index % vehicles];
    const { vin } = connection;
    const odometer = sequence++;
    sentMs.set(odometer, performance.now());
    connection.sendRecord({ txid: `bench-${odometer}`, payload: drivingPayload({ vin, sequence: odometer }) });
  };
  for (let index = 0; index < vehicles; index++) send(index);
  const clients = identities.map(
    ({ vin }) =>
      new TeslaMateClient({
        url: streamingUrl,
        token,
        tag: vin,
        caPem: fleet.serverCaPem,
        onFrame: ({ odometer }) => {
          const sent = sentMs.get(odometer);
          sentMs.delete(odometer);
          if (sent !== undefined) recordLatency(latencies, performance.now() - sent);
        },
      }),
  );
  await Promise.all(clients.map((client) => client.connect()));
  await Promise.all(clients.map((client) => client.waitFor(({ frames }) => frames.length > 0)));
  const stop = () => {
    for (const client of clients) client.stop();
    for (const connection of connections) connection.terminate();
  };
  return { send, latencies, stop };
}

/** Milliseconds that the disk itself needs for a small append and its sync. */
export function measureSync(folder, times = 300) {
  const file = openSync(path.join(folder, 'sync-probe'), 'a');
  const latencies = latencyHistogram();
  const block = Buffer.alloc(500, 1);
  for (let time = 0; time < times; time++) {
    const startedMs = performance.now();
    writeSync(file, block);
    fdatasyncSync(file);
    recordLatency(latencies, performance.now() - startedMs);
  }
  closeSync(file);
  const { p50Ms, p99Ms } = latencySummary(latencies);
  return { p50Ms, p99Ms };
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

// The measurements. Each is made of the bare echo and of ingest in turn, several times, so that a machine that changes
// its speed changes both.
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { connectVehicle, runLoad, TeslaMateClient } from '@fleetbridge/simulator';
import { drivingPayload } from './fleet.mjs';
import { cpuMicros, residentBytes, treeCpuMicros } from './processes.mjs';

/** CPU of the server and of Redis a record, and records a second, with `connections` × `inFlight` records under way. */
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
  return {
    microsPerRecord: (treeCpuMicros(target.pid) - before.server) / load.acknowledged,
    redisMicrosPerRecord: redisPid ? (cpuMicros(redisPid) - before.redis) / load.acknowledged : 0,
    perSecond: load.perSecond,
    ackP50Ms: load.latencyMs.p50,
    ackP99Ms: load.latencyMs.p99,
  };
}

/** CPU of a handshake with upgrade, and memory of a connection that is idle afterwards. */
export async function measureConnections({ target, fleet, connections }) {
  const before = { cpu: cpuMicros(target.pid), resident: residentBytes(target.pid) };
  const open = [];
  for (let first = 0; first < connections; first += 25) {
    const batch = fleet.identities.slice(first, Math.min(first + 25, connections));
    open.push(
      ...(await Promise.all(
        batch.map(({ certificatePem, keyPem }) =>
          connectVehicle({ url: target.url, certificatePem, keyPem, caPem: fleet.serverCaPem }),
        ),
      )),
    );
  }
  const cpu = cpuMicros(target.pid) - before.cpu;
  // what the handshakes left behind is collected when the process has had a moment of peace
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  const resident = residentBytes(target.pid) - before.resident;
  for (const connection of open) connection.terminate();
  return { microsPerHandshake: cpu / connections, bytesPerConnection: resident / connections };
}

/** From a vehicle's send to TeslaMate's receive, in ms, at `perSecond` records in all. */
export async function measureEndToEnd({ perSecond = 1_000, seconds, ...chain }) {
  const drive = await startDrive(chain);
  drive.latencies.length = 0;
  const expected = await sendSteadily(drive, { perSecond, seconds });
  const deadline = performance.now() + 10_000;
  while (drive.latencies.length < expected && performance.now() < deadline) await pause(20);
  drive.stop();
  const { latencies } = drive;
  latencies.sort((a, b) => a - b);
  return {
    expected,
    received: latencies.length,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    maxMs: latencies.at(-1),
  };
}

/**
 * Heap of each app in bytes under a steady load from vehicles to TeslaMate: the least seen in each tenth of the time, so
 * that what garbage collection has not come to yet does not count. `adminUrls`: by app.
 */
export async function measureSoak({ adminUrls, perSecond = 1_000, seconds, ...chain }) {
  const drive = await startDrive(chain);
  const samples = Object.fromEntries(Object.keys(adminUrls).map((app) => [app, []]));
  const sample = () => {
    // no list of ten minutes in the way of the next garbage collection of ours
    drive.latencies.length = 0;
    for (const [app, url] of Object.entries(adminUrls)) void heapOf(url).then((bytes) => samples[app].push(bytes));
  };
  const sampler = setInterval(sample, 500);
  const records = await sendSteadily(drive, { perSecond, seconds });
  clearInterval(sampler);
  drive.stop();
  const floors = Object.fromEntries(Object.entries(samples).map(([app, heaps]) => [app, leastOfEachTenth(heaps)]));
  return { records, floors };
}

async function heapOf(adminUrl) {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  return Number(/^nodejs_heap_size_used_bytes\S* (\S+)/m.exec(text)[1]);
}

function leastOfEachTenth(values) {
  const tenth = Math.floor(values.length / 10);
  return Array.from({ length: 10 }, (_, index) => Math.min(...values.slice(index * tenth, (index + 1) * tenth)));
}

/** Connected vehicles, each with a TeslaMate that subscribes to it. The odometer identifies a record. */
async function startDrive({ ingestUrl, streamingUrl, token, fleet, vehicles = 20 }) {
  const identities = fleet.identities.slice(0, vehicles);
  const sentMs = new Map();
  const latencies = [];
  const connections = await Promise.all(
    identities.map(({ certificatePem, keyPem }) =>
      connectVehicle({ url: ingestUrl, certificatePem, keyPem, caPem: fleet.serverCaPem }),
    ),
  );
  let sequence = 1;
  const send = (index) => {
    const { vin } = identities[index];
    const own = sequence++;
    sentMs.set(own, performance.now());
    const payload = drivingPayload({ vin, sequence: own });
    connections[index].send({
      txid: `bench-${own}`,
      topic: 'V',
      payload,
      senderId: `vehicle_device.${vin}`,
      deviceId: vin,
    });
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
          if (sent !== undefined) latencies.push(performance.now() - sent);
        },
      }),
  );
  await Promise.all(clients.map((client) => client.connect()));
  await Promise.all(clients.map((client) => client.waitFor(({ frames }) => frames.length > 0)));
  const stop = () => {
    for (const client of clients) client.stop();
    for (const connection of connections) connection.terminate();
  };
  return { vehicles, send, latencies, stop };
}

/** Resolves to the number of records sent. */
async function sendSteadily({ vehicles, send }, { perSecond, seconds }) {
  const startedMs = performance.now();
  const total = perSecond * seconds;
  for (let next = 0; next < total; await pause(1)) {
    const due = Math.min(total, ((performance.now() - startedMs) / 1_000) * perSecond);
    while (next < due) send(next++ % vehicles);
  }
  return total;
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** What the disk itself takes for a small append and its sync, in ms. */
export function measureSync(folder, times = 300) {
  const file = openSync(path.join(folder, 'sync-probe'), 'a');
  const took = [];
  const block = Buffer.alloc(500, 1);
  for (let time = 0; time < times; time++) {
    const startedMs = performance.now();
    writeSync(file, block);
    fdatasyncSync(file);
    took.push(performance.now() - startedMs);
  }
  closeSync(file);
  took.sort((a, b) => a - b);
  return { p50Ms: quantile(took, 0.5), p99Ms: quantile(took, 0.99) };
}

export function quantile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

export function median(values) {
  return quantile(
    [...values].sort((a, b) => a - b),
    0.5,
  );
}

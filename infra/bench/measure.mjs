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
export async function measureEndToEnd({
  ingestUrl,
  streamingUrl,
  token,
  fleet,
  vehicles = 20,
  perSecond = 1_000,
  seconds,
}) {
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
          if (sent !== undefined) latencies.push(performance.now() - sent);
        },
      }),
  );
  await Promise.all(clients.map((client) => client.connect()));
  await Promise.all(clients.map((client) => client.waitFor(({ frames }) => frames.length > 0)));
  latencies.length = 0;

  const startedMs = performance.now();
  const first = sequence;
  let next = 0;
  await new Promise((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min(perSecond * seconds, ((performance.now() - startedMs) / 1000) * perSecond);
      while (next < due) send(next++ % vehicles);
      if (next < perSecond * seconds) return;
      clearInterval(timer);
      resolve();
    }, 1);
  });
  const expected = sequence - first;
  const deadline = performance.now() + 10_000;
  while (latencies.length < expected && performance.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 20));
  for (const client of clients) client.stop();
  for (const connection of connections) connection.terminate();
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
 * Heap of a process under a steady load, in bytes: the least seen in each tenth of the time, so that what garbage
 * collection has not come to yet does not count.
 */
export async function measureSoak({ target, adminUrl, fleet, seconds }) {
  const heap = async () => {
    const text = await (await fetch(`${adminUrl}/metrics`)).text();
    return Number(/^nodejs_heap_size_used_bytes\S* (\S+)/m.exec(text)[1]);
  };
  const samples = [];
  const sampler = setInterval(() => void heap().then((bytes) => samples.push(bytes)), 500);
  const load = await runLoad({
    url: target.url,
    caPem: fleet.serverCaPem,
    identities: fleet.identities.slice(0, 20),
    inFlight: 2,
    durationMs: seconds * 1_000,
    payload: drivingPayload({ vin: fleet.identities[0].vin }),
    batchWrites: false,
  });
  clearInterval(sampler);
  const tenth = Math.floor(samples.length / 10);
  const floors = Array.from({ length: 10 }, (_, index) =>
    Math.min(...samples.slice(index * tenth, (index + 1) * tenth)),
  );
  return { records: load.acknowledged, floors };
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

// `npm run bench [-- --seconds=4 --warm-up=6 --rounds=3 --connections=2000 --soak=600]`: prints a table and writes the
// results as JSON to results/. Machines differ by a factor of four, so compare the ratio to the bare echo of the same run.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { startRedis } from '@fleetbridge/testing';
import { measureDispatch } from './dispatch.mjs';
import { measureFanOut } from './fan-out.mjs';
import { createFleet } from './fleet.mjs';
import { measureGateway } from './gateway.mjs';
import { measureConnections, measureEndToEnd, measureRecords, measureSoak, measureSync } from './measure.mjs';
import { startNode } from './processes.mjs';
import { measureRedisCost } from './redis-cost.mjs';
import { printReport, writeResults } from './report.mjs';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    'warm-up': { type: 'string', default: '6' },
    rounds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '2000' },
    soak: { type: 'string', default: '0' },
  },
});
const [seconds, warmUpSeconds, rounds, connections, soakSeconds] = [
  values.seconds,
  values['warm-up'],
  values.rounds,
  values.connections,
  values.soak,
].map(Number);
const token = 'bench-token';
const folder = mkdtempSync(path.join(os.tmpdir(), 'fleetbridge-bench-'));
const stops = [];

try {
  console.log(`creating ${connections} certificates …`);
  const fleet = createFleet(connections);
  const files = writeFiles(fleet);
  const redis = await startRedis();
  stops.push(redis.stop);
  const sync = measureSync(folder);
  const records = { echo: [], ingest: [] };
  console.log(`records: ${rounds} rounds of ${seconds} s each, 50 connections × 8 in flight, 300 bytes …`);
  // A server runs for weeks, so the first seconds, in which V8 compiles, do not count. Compilation differs from process to
  // process, so each round starts new ones.
  let ingest;
  for (let round = 0; round < rounds; round++) {
    const echo = await startEcho(fleet);
    await ingest?.stop();
    ingest = await startIngest(redis.url, files, 'bench');
    await measureRecords({ target: echo, fleet, seconds: warmUpSeconds });
    await measureRecords({ target: ingest, fleet, seconds: warmUpSeconds });
    records.echo.push(await measureRecords({ target: echo, fleet, seconds }));
    records.ingest.push(await measureRecords({ target: ingest, fleet, redisPid: redis.pid, seconds }));
    await echo.stop();
  }

  console.log('two workers on two cores, each with as many vehicles as the single worker …');
  const twoWorkers = await startIngest(redis.url, files, 'bench-workers', { INGEST_WORKERS: '2' });
  await measureRecords({ target: twoWorkers, fleet, connections: 100, seconds: warmUpSeconds });
  const scaled = {};
  for (const inFlight of [1, 8]) {
    const measured = { fleet, inFlight, seconds };
    scaled[inFlight] = {
      one: await measureRecords({ ...measured, target: ingest, connections: 50 }),
      two: await measureRecords({ ...measured, target: twoWorkers, connections: 100 }),
    };
  }

  console.log('the append script, 64 records per call …');
  const redisCost = await measureRedisCost({ redis });

  console.log(`connections: ${connections} idle vehicles per server …`);
  const freshEcho = await startEcho(fleet);
  const freshIngest = await startIngest(redis.url, files, 'bench-connections');
  const handshakes = {
    echo: await measureConnections({ target: freshEcho, fleet, connections }),
    ingest: await measureConnections({ target: freshIngest, fleet, connections }),
  };

  console.log('end to end: 1,000 records/s from 20 vehicles to TeslaMate …');
  const chain = { REDIS_URL: redis.url, NAMESPACE: 'bench-chain' };
  const chainIngest = await startIngest(redis.url, files, 'bench-chain');
  const dispatcher = await startNode('apps/dispatcher/dist/main.js', { ...chain, DISPATCHER_ADMIN_PORT: '0' });
  stops.push(dispatcher.stop);
  const streaming = await startNode('apps/streaming/dist/main.js', {
    ...chain,
    STREAMING_PORT: '0',
    STREAMING_GRPC_PORT: '0',
    STREAMING_ADMIN_PORT: '0',
    STREAMING_CERT_FILE: files.cert,
    STREAMING_KEY_FILE: files.key,
    BRIDGE_TOKEN: token,
    // short enough that frames expire during a soak
    RESUME_WINDOW: '60',
  });
  stops.push(streaming.stop);
  const fromVehicleToTeslaMate = {
    ingestUrl: chainIngest.url,
    streamingUrl: `wss://localhost:${streaming.ports.clients}`,
    token,
    fleet,
  };
  const endToEnd = await measureEndToEnd({ ...fromVehicleToTeslaMate, seconds: Math.max(5, seconds) });
  let soak;
  if (soakSeconds > 0) {
    console.log(`soak: ${soakSeconds} s at 1,000 records/s …`);
    const adminUrls = Object.fromEntries(
      Object.entries({ ingest: chainIngest, dispatcher, streaming }).map(([app, { ports }]) => [
        app,
        `http://127.0.0.1:${ports.admin}`,
      ]),
    );
    soak = await measureSoak({ ...fromVehicleToTeslaMate, adminUrls, seconds: soakSeconds });
  }
  console.log('fan-out: 20 frames/s to 1,000 subscribers …');
  const bare = await startNode('infra/bench/bare-fan-out.mjs', {
    BENCH_TLS: JSON.stringify({ cert: fleet.server.certificatePem, key: fleet.server.keyPem }),
  });
  stops.push(bare.stop);
  const fanOut = await measureFanOut({
    fleet,
    bare,
    streaming,
    ingestUrl: chainIngest.url,
    token,
    seconds: Math.max(5, seconds),
    warmUpSeconds,
  });
  console.log('dispatcher: 5,000 records/s …');
  const parts = { redis, files, fleet };
  const dispatch = {
    snapshots: await dispatchBench(parts, { namespace: 'bench-snapshots' }),
    push: await dispatchBench(parts, { namespace: 'bench-push', withPush: true }),
  };
  console.log('gateway: vehicle_data of 1,000 vehicles …');
  const gateway = await measureGateway({ redis, token, seconds: Math.max(5, seconds), warmUpSeconds, soakSeconds });
  const results = { dispatch, fanOut, gateway, scaled, soak, sync, records, redisCost, handshakes, endToEnd };
  printReport(results);
  writeResults({ seconds, rounds, connections, ...results });
} finally {
  for (const stop of stops.reverse()) await stop();
  rmSync(folder, { recursive: true, force: true });
}

async function dispatchBench({ redis, files, fleet }, { namespace, withPush = false }) {
  const own = await startIngest(redis.url, files, namespace);
  const sink = withPush ? await startNode('infra/bench/push-sink.mjs') : undefined;
  const configFile = path.join(folder, `${namespace}.yaml`);
  const subscriptions = sink
    ? [{ name: 'bench', topics: ['V'], push: { url: `http://127.0.0.1:${sink.ports.push}/` } }]
    : [];
  writeFileSync(configFile, JSON.stringify({ subscriptions }));
  const started = await startNode('apps/dispatcher/dist/main.js', {
    REDIS_URL: redis.url,
    NAMESPACE: namespace,
    DISPATCHER_ADMIN_PORT: '0',
    DISPATCHER_CONFIG: configFile,
  });
  stops.push(started.stop, ...(sink ? [sink.stop] : []));
  const received = () =>
    new Promise((resolve) => {
      sink.child.once('message', (message) => resolve(message.received));
      sink.child.send({});
    });
  const isDone = async (sent, metric) =>
    sink ? (await received()) >= sent : (await metric('fleetbridge_snapshot_records_total')) >= sent;
  return measureDispatch({ dispatcher: started, ingestUrl: own.url, fleet, seconds: Math.max(4, seconds), isDone });
}

async function startEcho(fleet) {
  const tls = JSON.stringify({ ca: fleet.vehicleCaPem, cert: fleet.server.certificatePem, key: fleet.server.keyPem });
  const started = await startNode('infra/bench/bare-echo.mjs', { BENCH_TLS: tls });
  stops.push(started.stop);
  return { ...started, url: `wss://localhost:${started.ports.vehicles}` };
}

async function startIngest(redisUrl, files, namespace, more = {}) {
  const env = {
    REDIS_URL: redisUrl,
    NAMESPACE: namespace,
    INGEST_PORT: '0',
    // a few vehicles send as much as a fleet
    VEHICLE_BYTES_PER_MINUTE: '0',
    INGEST_ADMIN_PORT: '0',
    INGEST_CA_FILE: files.ca,
    INGEST_CERT_FILE: files.cert,
    INGEST_KEY_FILE: files.key,
    ALLOWED_VINS: '*',
    INGEST_WORKERS: '1',
    ...more,
  };
  // the same option as in the image
  const started = await startNode('apps/ingest/dist/main.js', env, ['--initial-old-space-size=64']);
  stops.push(started.stop);
  return { ...started, url: `wss://localhost:${started.ports.vehicles}` };
}

function writeFiles(fleet) {
  const files = {
    ca: path.join(folder, 'ca.pem'),
    cert: path.join(folder, 'server.pem'),
    key: path.join(folder, 'server.key'),
  };
  writeFileSync(files.ca, fleet.vehicleCaPem);
  writeFileSync(files.cert, fleet.server.certificatePem);
  writeFileSync(files.key, fleet.server.keyPem, { mode: 0o600 });
  return files;
}

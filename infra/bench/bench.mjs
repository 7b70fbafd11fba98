// `npm run bench [-- --seconds=4 --warm-up=6 --rounds=3 --connections=2000 --soak=600]`: prints a table and writes it as JSON to results/.
// Machines differ by a factor of four, so what counts is the ratio to the bare echo of the same run.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startRedis } from '@fleetbridge/testing';
import { measureDispatch } from './dispatch.mjs';
import { measureFanOut } from './fan-out.mjs';
import { createFleet } from './fleet.mjs';
import { measureConnections, measureEndToEnd, measureRecords, measureSoak, measureSync, median } from './measure.mjs';
import { startNode } from './processes.mjs';
import { measureRedisCost } from './redis-cost.mjs';

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
  console.log(`making ${connections} certificates …`);
  const fleet = createFleet(connections);
  const files = writeFiles(fleet);
  const redis = await startRedis();
  stops.push(redis.stop);
  const sync = measureSync(folder);
  const records = { echo: [], ingest: [] };
  console.log(`records: ${rounds} rounds of ${seconds} s each, 50 connections × 8 in flight, 300 bytes …`);
  // A server runs for weeks: what V8 compiles in its first seconds is not its cost. And V8 compiles no process like the
  // one before, so each round has fresh ones.
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

  console.log('two workers on two cores, each with as many vehicles as the one before …');
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

  console.log('the append script, 64 records a call …');
  const redisCost = await measureRedisCost({ redis });

  console.log(`connections: ${connections} idle vehicles each …`);
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
    // so that a soak sees what it keeps of recent frames both come and go
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
  report({ dispatch, fanOut, scaled, soak, sync, records, redisCost, handshakes, endToEnd });
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
    INGEST_ADMIN_PORT: '0',
    INGEST_CA_FILE: files.ca,
    INGEST_CERT_FILE: files.cert,
    INGEST_KEY_FILE: files.key,
    ALLOWED_VINS: '*',
    INGEST_WORKERS: '1',
    ...more,
  };
  // as its image and its workers are started
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

function report({ dispatch, fanOut, scaled, soak, sync, records, redisCost, handshakes, endToEnd }) {
  const of = (list, name) => median(list.map((one) => one[name]));
  const rows = [
    ['CPU a record', of(records.ingest, 'microsPerRecord'), of(records.echo, 'microsPerRecord'), 'µs'],
    // ingest waits for Redis, and Redis and the load take their part of few cores: what its own core is good for
    [
      'records/s of a core',
      1e6 / of(records.ingest, 'microsPerRecord'),
      1e6 / of(records.echo, 'microsPerRecord'),
      '/s',
    ],
    ['records/s, all on here', of(records.ingest, 'perSecond'), of(records.echo, 'perSecond'), '/s'],
    [
      'memory a connection',
      handshakes.ingest.bytesPerConnection / 1024,
      handshakes.echo.bytesPerConnection / 1024,
      'KB',
    ],
    ['CPU a frame (fan-out)', fanOut.microsPerFrame, fanOut.bareMicrosPerFrame, 'µs'],
    ['CPU a handshake', handshakes.ingest.microsPerHandshake / 1000, handshakes.echo.microsPerHandshake / 1000, 'ms'],
  ];
  console.log(`\nNode ${process.version}, ${os.cpus().length} cores, ${os.cpus()[0].model}\n`);
  console.log('                         ingest      bare echo   ratio');
  for (const [name, ours, bare, unit] of rows) {
    console.log(
      `${name.padEnd(22)}${number(ours)} ${unit.padEnd(3)} ${number(bare)} ${unit.padEnd(3)}  ${(ours / bare).toFixed(2)}`,
    );
  }
  console.log('');
  for (const [inFlight, { one, two }] of Object.entries(scaled)) {
    const [before, after] = [one.microsPerRecord, two.microsPerRecord];
    console.log(
      `two workers, ${inFlight} under way  ${number(after)} µs a record, ${(after / before).toFixed(2)} × one worker's ${number(before).trim()}`,
    );
  }
  for (const [app, floors] of Object.entries(soak?.floors ?? {})) {
    const megabytes = floors.map((bytes) => (bytes / 1e6).toFixed(1)).join(' ');
    console.log(
      `heap over the soak     ${app.padEnd(10)} ${megabytes} MB (least of each tenth; ${soak.records} records)`,
    );
  }
  const redisMicros = of(records.ingest, 'redisMicrosPerRecord');
  const { onlyXadd, marked, dated, checked } = redisCost;
  console.log(`\nRedis' CPU a record    ${number(redisMicros)} µs`);
  console.log(
    `  of the script, 64 a call: ${dated.toFixed(1)} µs, ${(dated / onlyXadd).toFixed(2)} × one that only XADDs`,
  );
  console.log(
    `  without a look for repeats ${marked.toFixed(1)} µs, with one for every record ${checked.toFixed(1)} µs`,
  );
  console.log(
    `ack after a send       p50 ${of(records.ingest, 'ackP50Ms').toFixed(1)} ms, p99 ${of(records.ingest, 'ackP99Ms').toFixed(1)} ms (400 records under way)`,
  );
  console.log(
    `vehicle to TeslaMate   p50 ${endToEnd.p50Ms.toFixed(1)} ms, p99 ${endToEnd.p99Ms.toFixed(1)} ms, ${endToEnd.received} of ${endToEnd.expected} frames`,
  );
  for (const [name, { microsPerRecord, lagMedianMs, lagMaxMs, drainSeconds }] of Object.entries(dispatch)) {
    const lag = `snapshots ${lagMedianMs.toFixed(0)} ms behind (at most ${lagMaxMs.toFixed(0)}), all done ${drainSeconds.toFixed(1)} s after the last`;
    console.log(`dispatcher, ${name.padEnd(10)} ${microsPerRecord.toFixed(1)} µs a record at 5,000/s; ${lag}`);
  }
  console.log(`memory a subscriber    ${(fanOut.bytesPerSubscriber / 1024).toFixed(1)} KB`);
  console.log(`the disk's own sync    p50 ${sync.p50Ms.toFixed(2)} ms, p99 ${sync.p99Ms.toFixed(2)} ms`);

  const results = path.join(path.dirname(fileURLToPath(import.meta.url)), 'results');
  mkdirSync(results, { recursive: true });
  const file = path.join(results, `${new Date().toISOString().replaceAll(':', '-')}.json`);
  const machine = { node: process.version, cores: os.cpus().length, cpu: os.cpus()[0].model };
  writeFileSync(
    file,
    JSON.stringify(
      {
        machine,
        seconds,
        rounds,
        connections,
        dispatch,
        fanOut,
        scaled,
        soak,
        sync,
        records,
        redisCost,
        handshakes,
        endToEnd,
      },
      null,
      2,
    ),
  );
  console.log(`\nwritten to infra/bench/results/${path.basename(file)}`);
}

function number(value) {
  return (value >= 1000 ? Math.round(value).toString() : value.toFixed(1)).padStart(10);
}

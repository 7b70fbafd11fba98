// The results of a bench: as text on the terminal, and as JSON in results/.
import { mkdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { median } from './measure.mjs';

export function printReport({
  dispatch,
  fanOut,
  gateway,
  scaled,
  soak,
  sync,
  records,
  redisCost,
  handshakes,
  endToEnd,
}) {
  const { ingest, echo } = records;
  const rows = [
    ['CPU per record', medianOf(ingest, 'microsPerRecord'), medianOf(echo, 'microsPerRecord'), 'µs'],
    // On few cores the measured rate is limited by Redis and the load generator; this is the rate of one dedicated core.
    ['records/s per core', 1e6 / medianOf(ingest, 'microsPerRecord'), 1e6 / medianOf(echo, 'microsPerRecord'), '/s'],
    ['records/s, all local', medianOf(ingest, 'perSecond'), medianOf(echo, 'perSecond'), '/s'],
    [
      'memory per connection',
      handshakes.ingest.bytesPerConnection / 1024,
      handshakes.echo.bytesPerConnection / 1024,
      'KB',
    ],
    ['CPU per fan-out frame', fanOut.microsPerFrame, fanOut.bareMicrosPerFrame, 'µs'],
    ['CPU per handshake', handshakes.ingest.microsPerHandshake / 1000, handshakes.echo.microsPerHandshake / 1000, 'ms'],
  ];
  console.log(`\nNode ${process.version}, ${os.cpus().length} cores, ${os.cpus()[0].model}\n`);
  console.log('                      fleetbridge        bare     ratio');
  for (const [name, ours, bare, unit] of rows) {
    const ratio = (ours / bare).toFixed(2);
    console.log(`${name.padEnd(22)}${number(ours)} ${unit.padEnd(3)} ${number(bare)} ${unit.padEnd(3)}  ${ratio}`);
  }
  console.log('');
  for (const [inFlight, { one, two }] of Object.entries(scaled)) {
    const [before, after] = [one.microsPerRecord, two.microsPerRecord];
    console.log(
      `two workers, ${inFlight} record(s) in flight per vehicle: ${after.toFixed(1)} µs per record, ${(after / before).toFixed(2)} × one worker (${before.toFixed(1)} µs)`,
    );
  }
  for (const [app, floors] of Object.entries(soak ? { ...soak.floors, gateway: gateway.floors } : {})) {
    const megabytes = floors.map((bytes) => (bytes / 1e6).toFixed(1)).join(' ');
    console.log(
      `heap during the soak   ${app.padEnd(10)} ${megabytes} MB (minimum of each tenth; ${soak.records} records)`,
    );
  }
  const { onlyXadd, marked, dated, checked } = redisCost;
  console.log(`\nRedis CPU per record   ${number(medianOf(ingest, 'redisMicrosPerRecord'))} µs`);
  console.log(
    `  append script, 64 records per call: ${dated.toFixed(1)} µs, ${(dated / onlyXadd).toFixed(2)} × a script with XADD only`,
  );
  console.log(
    `  without duplicate check ${marked.toFixed(1)} µs, with a check of every record ${checked.toFixed(1)} µs`,
  );
  const [ackP50, ackP99] = ['ackP50Ms', 'ackP99Ms'].map((name) => medianOf(ingest, name).toFixed(1));
  console.log(`send to ack            p50 ${ackP50} ms, p99 ${ackP99} ms (400 records in flight)`);
  console.log(
    `vehicle to TeslaMate   p50 ${endToEnd.p50Ms.toFixed(1)} ms, p99 ${endToEnd.p99Ms.toFixed(1)} ms, ${endToEnd.received} of ${endToEnd.expected} frames`,
  );
  for (const [name, { microsPerRecord, lagMedianMs, lagMaxMs, drainSeconds }] of Object.entries(dispatch)) {
    const lag = `snapshot lag ${lagMedianMs.toFixed(0)} ms (max ${lagMaxMs.toFixed(0)}), drained ${drainSeconds.toFixed(1)} s after the last record`;
    console.log(`dispatcher, ${name.padEnd(10)} ${microsPerRecord.toFixed(1)} µs per record at 5,000/s; ${lag}`);
  }
  const { microsPerRequest, perSecond, p50Ms, p99Ms } = gateway;
  console.log(
    `gateway, vehicle_data  ${microsPerRequest.toFixed(0)} µs per request, ${perSecond.toFixed(0)} requests/s, p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`,
  );
  console.log(`memory per subscriber  ${(fanOut.bytesPerSubscriber / 1024).toFixed(1)} KB`);
  console.log(`disk sync              p50 ${sync.p50Ms.toFixed(2)} ms, p99 ${sync.p99Ms.toFixed(2)} ms`);
}

export function writeResults(results) {
  const folder = path.join(import.meta.dirname, 'results');
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `${new Date().toISOString().replaceAll(':', '-')}.json`);
  const machine = { node: process.version, cores: os.cpus().length, cpu: os.cpus()[0].model };
  writeFileSync(file, JSON.stringify({ machine, ...results }, null, 2));
  console.log(`\nwritten to infra/bench/results/${path.basename(file)}`);
}

function medianOf(rounds, name) {
  return median(rounds.map((round) => round[name]));
}

function number(value) {
  return (value >= 1000 ? Math.round(value).toString() : value.toFixed(1)).padStart(10);
}

// The process with a configuration file as people have it for Tesla's Go server.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { type DisposableRedis, startRedis } from '@fleetbridge/testing';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { createIngestProcesses } from './ingest-process.js';
import { createTestPki, type TestPki } from './ingest-rig.js';

let redis: DisposableRedis;
let pki: TestPki;
const processes = createIngestProcesses(() => ({ redisUrl: redis.url, pki }));

beforeAll(async () => {
  redis = await startRedis();
  pki = createTestPki();
});
afterEach(() => processes.killAll());
afterAll(async () => {
  pki.dispose();
  await redis.stop();
});

function configFile(content: object): string {
  const file = path.join(pki.dataDir, 'config.json');
  writeFileSync(file, JSON.stringify(content, undefined, 2));
  return file;
}

it('starts with it, takes what it says, and says all at once what is different here', async () => {
  const tls = {
    server_cert: path.join(pki.directory, 'server.pem'),
    server_key: path.join(pki.directory, 'server.key'),
  };
  const file = configFile({
    host: '0.0.0.0',
    port: 1,
    status_port: 8080,
    namespace: 'tesla',
    log_level: 'info',
    json_log_enable: true,
    tls,
    records: { V: ['kafka', 'logger'], rfq: ['redis'] },
    kafka: { 'bootstrap.servers': 'kafka:9092', 'sasl.password': 'hunter2' },
    kinesis: { max_retries: 3 },
    monitoring: { prometheus_metrics_port: 9090, profiler_port: 4269 },
  });
  const ingest = processes.start({ INGEST_CONFIG: file, INGEST_CA_BUNDLE: 'development', ALLOWED_VINS: '*' });
  const vehicle = await processes.connect((await ingest.ready).ports.vehicles);
  vehicle.send({ topic: 'rfq', txid: 'extra' });
  await vehicle.fence();
  expect(vehicle.answers).toContainEqual({ kind: 'ack', txid: 'extra', topic: 'rfq' });
  expect((await ingest.admin('/metrics')).text).toMatch(/record_total\{record_type="rfq".*\} 1/);

  const said = ingest.lines().filter(({ event }) => String(event).startsWith('config_'));
  expect(said.map(({ event, key = '' }) => `${event} ${key}`)).toEqual([
    'config_file_read ',
    'config_key_ignored status_port',
    'config_key_replaced namespace',
    'config_key_ignored monitoring.profiler_port',
    'config_key_replaced monitoring.prometheus_metrics_port',
    'config_key_replaced kafka',
    'config_key_ignored kinesis',
    'config_key_replaced records',
    'config_key_replaced records',
    'config_key_replaced reliable_ack_sources',
  ]);
  expect(ingest.lines().findIndex(({ event }) => event === 'ingest_ready')).toBeGreaterThan(
    ingest.lines().indexOf(said.at(-1)!),
  );
  expect(ingest.lines().find(({ event }) => event === 'record_payload')).toMatchObject({ metadata: { txtype: 'V' } });
  expect(JSON.stringify(ingest.lines())).not.toContain('hunter2');
});

it('does not start with a mistake in it, names its key and its file, and exits with 2', async () => {
  const file = configFile({ port: '443', tls: { server_cert: 1 }, records: { V: ['rabbit'] } });
  const ingest = processes.start({ INGEST_CONFIG: file, ALLOWED_VINS: '*', INGEST_PORT: '' });
  expect(await ingest.exited).toBe(2);
  expect(ingest.stderr().trimEnd().split('\n')).toEqual([
    'The configuration has 3 mistakes:',
    `  port: expected a port number from 0 to 65535, got "443" (${file})`,
    `  tls.server_cert: expected a string, got 1 (${file})`,
    expect.stringMatching(/^ {2}records\.V: expected a list of logger, /),
  ]);
});

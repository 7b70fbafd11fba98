// The process with a configuration file of Tesla's Go server.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import type { TestPki } from './ingest-rig.js';
import { it } from './ingest-test.js';

function configFile(pki: TestPki, content: object): string {
  const file = path.join(pki.dataDir, 'config.json');
  writeFileSync(file, JSON.stringify(content, undefined, 2));
  return file;
}

it('starts with the file, applies it, and logs every difference at startup', async ({ pki, processes }) => {
  const tls = {
    server_cert: path.join(pki.directory, 'server.pem'),
    server_key: path.join(pki.directory, 'server.key'),
  };
  const file = configFile(pki, {
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

  const logged = ingest.lines().filter(({ event }) => String(event).startsWith('config_'));
  expect(logged.map(({ event, key = '' }) => `${event} ${key}`)).toEqual([
    'config_file_read ',
    'config_key_ignored status_port',
    'config_key_ignored monitoring.profiler_port',
    'config_key_ignored kinesis',
    'config_keys_replaced ',
  ]);
  const keys = (logged.at(-1)!.keys as string[]).map((line) => line.slice(0, line.indexOf(':')));
  expect(keys).toEqual([
    'namespace',
    'monitoring.prometheus_metrics_port',
    'kafka',
    'records',
    'records',
    'reliable_ack_sources',
  ]);
  expect(ingest.lines().findIndex(({ event }) => event === 'ingest_ready')).toBeGreaterThan(
    ingest.lines().indexOf(logged.at(-1)!),
  );
  expect(ingest.lines().find(({ event }) => event === 'record_payload')).toMatchObject({ metadata: { txtype: 'V' } });
  expect(JSON.stringify(ingest.lines())).not.toContain('hunter2');
});

it('rejects a file with mistakes, names each key and the file, and exits with 2', async ({ pki, processes }) => {
  const file = configFile(pki, { port: '443', tls: { server_cert: 1 }, records: { V: ['rabbit'] } });
  const ingest = processes.start({ INGEST_CONFIG: file, ALLOWED_VINS: '*', INGEST_PORT: '' });
  expect(await ingest.exited).toBe(2);
  expect(ingest.stderr().trimEnd().split('\n')).toEqual([
    'The configuration has 3 mistakes:',
    `  port: expected a port number from 0 to 65535, got "443" (${file})`,
    `  tls.server_cert: expected a string, got 1 (${file})`,
    expect.stringMatching(/^ {2}records\.V: expected a list of logger, /),
  ]);
});

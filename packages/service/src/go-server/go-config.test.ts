import { readFileSync } from 'node:fs';
import { variablesOf } from '@fleetbridge/settings';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../config/index.js';
import { readGoConfig } from './go-config.js';

const read = (config: unknown) => readGoConfig(config, 'config.json');

describe('a key that means the same here', () => {
  it.each([
    [{ host: '10.0.0.1' }, { INGEST_HOST: '10.0.0.1' }],
    [{ host: '' }, {}],
    [{ port: 443 }, { INGEST_PORT: 443 }],
    [{ Port: 443 }, { INGEST_PORT: 443 }],
    [{ log_level: 'INFO' }, { LOG_LEVEL: 'info' }],
    [{ log_level: 'warning' }, { LOG_LEVEL: 'warn' }],
    [{ log_level: 'panic' }, { LOG_LEVEL: 'fatal' }],
    [{ json_log_enable: true }, { LOG_FORMAT: 'json' }],
    [{ json_log_enable: false }, { LOG_FORMAT: 'pretty' }],
    [{ namespace: 'tesla' }, { NAMESPACE: 'tesla' }],
    [
      { tls: { server_cert: '/c', server_key: '/k', ca_file: '/ca' } },
      { INGEST_CERT_FILE: '/c', INGEST_KEY_FILE: '/k', INGEST_EXTRA_CA_FILE: '/ca' },
    ],
    [{ tls: { ca_file: '' } }, {}],
    [{ use_default_eng_ca: true }, { INGEST_CA_BUNDLE: 'engineering' }],
    [{ use_default_eng_ca: false }, {}],
    [
      { rate_limit: { enabled: true, message_limit: 500, message_interval_time: 30 } },
      { RATE_LIMIT_RECORDS: 500, RATE_LIMIT_SECONDS: 30 },
    ],
    [{ rate_limit: { enabled: false, message_limit: 500, message_interval_time: 30 } }, {}],
    [
      { monitoring: { prometheus_metrics_port: 9090, prometheus_metrics_host: '0.0.0.0' } },
      { INGEST_ADMIN_PORT: 9090, ADMIN_HOST: '0.0.0.0' },
    ],
    [{ monitoring: { prometheus_metrics_port: 0 } }, {}],
    [{ vins_signal_tracking_enabled: ['A', 'B'] }, { SIGNAL_COUNT_VINS: ['A', 'B'] }],
    [{ records: { V: ['redis'], alerts: ['redis', 'logger'] } }, { LOG_RECORDS: ['alerts'] }],
    [{ records: { V: ['redis'], das: ['logger'] } }, { EXTRA_TOPICS: ['das'], LOG_RECORDS: ['das'] }],
    [{ reliable_ack: true, reliable_ack_workers: 4, host: null }, {}],
  ])('%j gives %j', (config, values) => {
    expect(read(config)).toMatchObject({ mistakes: [], unknownKeys: [] });
    expect(read(config).values).toEqual(values);
  });

  it('is recorded as the source of its variable', () => {
    expect(read({ port: 443, tls: { server_cert: '/c' }, records: { das: ['redis'] } }).keys).toEqual({
      INGEST_PORT: 'port',
      INGEST_CERT_FILE: 'tls.server_cert',
      EXTRA_TOPICS: 'records',
    });
  });
});

describe('a key that is not supported or works differently', () => {
  it.each([
    [{ status_port: 8080 }, 'status_port', true, /\/healthz/],
    [{ kafka: { 'bootstrap.servers': 'x' } }, 'kafka', false, /delivery kafka in DISPATCHER_CONFIG/],
    [{ pubsub: { gcp_project_id: 'x' } }, 'pubsub', false, /delivery push in DISPATCHER_CONFIG/],
    [{ mqtt: { broker: 'x' } }, 'mqtt', false, /delivery mqtt in DISPATCHER_CONFIG/],
    [{ kinesis: { streams: {} } }, 'kinesis', true, /not supported; .*delivery push/],
    [{ zmq: { addr: 'x' } }, 'zmq', true, /not supported; .*GET \/events or gRPC/],
    [{ airbrake: { host: 'x' } }, 'airbrake', true, /not supported; errors are log lines/],
    [{ monitoring: { statsd: { host: 'x' } } }, 'monitoring.statsd', true, /\/metrics on INGEST_ADMIN_PORT/],
    [
      { monitoring: { prometheus_metrics_port: 1 } },
      'monitoring.prometheus_metrics_port',
      false,
      /ADMIN_HOST=0\.0\.0\.0/,
    ],
    [{ monitoring: { profiler_port: 1 } }, 'monitoring.profiler_port', true, /NODE_OPTIONS=--cpu-prof/],
    [{ redis: { addr: 'x' } }, 'redis', false, /REDIS_URL/],
    [{ namespace: 'tesla' }, 'namespace', false, /NAMESPACE=tesla for all/],
    [{ logger: { verbose: true } }, 'logger.verbose', true, /types/],
    [{ transmit_decoded_records: true }, 'transmit_decoded_records', false, /DISPATCHER_CONFIG/],
    [{ rate_limit: { enabled: true, message_limit: 1, message_interval_time: 1 } }, 'rate_limit', false, /not dropped/],
  ])('%j gets one notice', (config, key, isLoss, sentence) => {
    expect(read(config)).toMatchObject({ mistakes: [], unknownKeys: [] });
    expect(read(config).notices).toEqual([{ key, isLoss, sentence: expect.stringMatching(sentence) }]);
  });

  it('gets no notice when it is off or empty', () => {
    const off = { status_port: 0, namespace: '', transmit_decoded_records: false, logger: { verbose: false } };
    expect(read(off).notices).toEqual([]);
  });

  it('shares one notice with keys of the same kind', () => {
    const monitoring = { profiler_port: 1, profiler_host: 'x', profiling_path: '/p' };
    expect(read({ monitoring }).notices.map(({ key }) => key)).toEqual([
      'monitoring.profiler_port, monitoring.profiler_host, monitoring.profiling_path',
    ]);
  });

  it('is listed with the topics that use it', () => {
    const all = ['redis', 'kafka'];
    const { notices } = read({
      records: { V: all, alerts: all, errors: ['redis'], connectivity: ['redis'] },
      kafka: {},
    });
    expect(notices.filter(({ key }) => key === 'kafka')).toEqual([
      { key: 'kafka', isLoss: false, sentence: expect.stringMatching(/\(used by V, alerts\)$/) },
    ]);
  });
});

describe('records and reliable_ack_sources', () => {
  const sentences = (config: object) => read(config).notices.map(({ key, sentence }) => `${key}: ${sentence}`);

  it('give a notice that topics without redis are stored too', () => {
    expect(sentences({ records: { V: ['redis'], das: ['logger'] } })).toContainEqual(
      expect.stringMatching(/^records: every record is stored in Redis, including alerts, errors, connectivity, das,/),
    );
  });

  it('give a notice that logged records contain the location', () => {
    expect(sentences({ records: { V: ['logger'] } })).toContainEqual(
      expect.stringMatching(/^records: every record of V is written to the log, including the vehicle's location/),
    );
  });

  it('give a notice that acks follow storage, and how to acknowledge on receipt', () => {
    const config = { records: { V: ['redis'], alerts: ['redis'] }, reliable_ack_sources: { alerts: 'kafka' } };
    expect(sentences(config)).toContainEqual(
      expect.stringMatching(/^reliable_ack_sources: records of alerts are acknowledged when Redis has stored them/),
    );
    expect(sentences(config)).toContainEqual(
      expect.stringMatching(/^reliable_ack_sources: V without a source: .*ACK_ON_RECEIVE=V to acknowledge/),
    );
  });
});

describe('a value of the wrong type', () => {
  it.each([
    [{ port: '443' }, 'port', 'expected a port number from 0 to 65535', '"443"'],
    [{ port: 70_000 }, 'port', 'expected a port number from 0 to 65535', '70000'],
    [{ port: 4.5 }, 'port', 'expected a port number from 0 to 65535', '4.5'],
    [{ host: 1 }, 'host', 'expected a string', '1'],
    [{ tls: { server_cert: true } }, 'tls.server_cert', 'expected a string', 'true'],
    [{ tls: '/c' }, 'tls', 'expected an object', '"/c"'],
    [{ kafka: ['secret'] }, 'kafka', 'expected an object', '["secret"]'],
    [{ host: { password: 'hunter2' } }, 'host', 'expected a string', 'an object'],
    [{ log_level: 'loud' }, 'log_level', expect.stringMatching(/^expected one of panic, fatal/), '"loud"'],
    [{ vins_signal_tracking_enabled: [1] }, 'vins_signal_tracking_enabled', 'expected a list of strings', '[1]'],
    [{ records: ['V'] }, 'records', 'expected an object', '["V"]'],
    [{ records: { V: 'redis' } }, 'records.V', expect.stringMatching(/^expected a list of logger, /), '"redis"'],
    [{ records: { V: ['rabbit'] } }, 'records.V', expect.stringMatching(/^expected a list of /), '["rabbit"]'],
    [{ records: { V: [] } }, 'records.V', expect.stringMatching(/^expected a list of /), '[]'],
    [{ reliable_ack_sources: { V: 1 } }, 'reliable_ack_sources.V', expect.stringMatching(/^expected one of /), '1'],
    [{ rate_limit: { message_limit: -1 } }, 'rate_limit.message_limit', 'expected a whole number, at least 0', '-1'],
    [[], '(the whole file)', 'expected a JSON object', '[]'],
  ])('%j is a mistake of %s', (config, variable, problem, got) => {
    expect(read(config).mistakes).toEqual([{ variable, problem, got, source: 'config.json' }]);
  });

  it('does not hide further mistakes', () => {
    const config = { port: 'x', tls: { server_key: 1 }, rate_limit: { enabled: true, message_limit: 5 } };
    expect(read(config).mistakes.map(({ variable }) => variable)).toEqual([
      'port',
      'tls.server_key',
      'rate_limit.message_interval_time',
    ]);
  });

  it('is reported once when other checks depend on it', () => {
    const rate_limit = { enabled: true, message_limit: 'x', message_interval_time: 1 };
    expect(read({ rate_limit }).mistakes.map(({ variable }) => variable)).toEqual(['rate_limit.message_limit']);
  });
});

it('reports an unknown key with the most similar known one', () => {
  const config = {
    hots: 'x',
    tls: { servercert: 'x' },
    entirely_different: 1,
    monitoring: { x: { y: 1 } },
    server_key: 'x',
  };
  expect(read(config).unknownKeys).toEqual([
    { key: 'hots', nearest: 'host' },
    { key: 'tls.servercert', nearest: 'tls.server_cert' },
    { key: 'entirely_different' },
    { key: 'monitoring.x' },
    { key: 'server_key', nearest: 'tls.server_key' },
  ]);
});

it('sets only variables that exist', () => {
  const source = readFileSync(new URL('./go-config.ts', import.meta.url), 'utf8');
  const variables = [...source.matchAll(/variable: '([A-Z_]+)'|'([A-Z]+_[A-Z_]+)'/g)].map(([, a, b]) => a ?? b);
  expect(variables.length).toBeGreaterThan(12);
  for (const variable of variables) expect(variablesOf('ingest')).toContain(variable);
});

it('accepts any JSON without throwing, and never shows the content of an object', () => {
  fc.assert(
    fc.property(
      fc.jsonValue(),
      fc.constantFrom('tls', 'records', 'kafka', 'monitoring', 'rate_limit', 'port'),
      (value, key) => {
        for (const config of [value, { [key]: value }]) {
          const { mistakes } = read(config);
          expect(mistakes.every(({ got = '' }) => got.length <= 60)).toBe(true);
          expect(new ConfigError(mistakes).message).toBeDefined();
        }
      },
    ),
  );
});

import { readFileSync } from 'node:fs';
import { checkDefinitions } from '@fleetbridge/delivery';
import { readGoConfig } from '@fleetbridge/service';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { migrateGoConfig } from './go-migration.js';

const migrate = (config: object) =>
  migrateGoConfig(readGoConfig(config, 'config.json'), { source: 'config.json', redisPassword: 'secret' });
const fileOf = ({ files }: ReturnType<typeof migrate>, name: string) => files.find((file) => file.name === name)?.text;

/** The variables of `.env` without the required ones. */
function variables(config: object): Record<string, string> {
  const lines = [...fileOf(migrate(config), '.env')!.matchAll(/^([A-Z_]+)=(.*)$/gm)];
  const required = ['DOMAIN', 'ALLOWED_VINS', 'REDIS_PASSWORD'];
  return Object.fromEntries(
    lines.map(([, name, value]) => [name, value]).filter(([name]) => !required.includes(name!)),
  );
}

function subscriptions(config: object): Record<string, unknown>[] {
  const text = fileOf(migrate(config), 'subscriptions.yaml');
  if (text === undefined) return [];
  const parsed = parse(text);
  expect(checkDefinitions(parsed)).toHaveProperty('value');
  return parsed.subscriptions;
}

const tls = { server_cert: '/etc/letsencrypt/live/x/fullchain.pem', server_key: '/etc/letsencrypt/live/x/privkey.pem' };

describe('.env', () => {
  it('has the settings that mean the same here', () => {
    const config = {
      port: 8443,
      log_level: 'warning',
      namespace: 'tesla_telemetry',
      rate_limit: { enabled: true, message_interval_time: 30, message_limit: 1000 },
      monitoring: { prometheus_metrics_port: 9100 },
      records: { V: ['logger'], FS: ['logger'] },
      vins_signal_tracking_enabled: ['5YJ3E1EA7KF000001'],
      use_default_eng_ca: true,
    };
    expect(variables(config)).toEqual({
      INGEST_PORT: '8443',
      LOG_LEVEL: 'warn',
      NAMESPACE: 'tesla_telemetry',
      RATE_LIMIT_RECORDS: '1000',
      RATE_LIMIT_SECONDS: '30',
      INGEST_ADMIN_PORT: '9100',
      EXTRA_TOPICS: 'FS',
      LOG_RECORDS: 'V,FS',
      SIGNAL_COUNT_VINS: '5YJ3E1EA7KF000001',
      INGEST_CA_BUNDLE: 'engineering',
    });
  });

  it('leaves the name of the machine and the vehicles to the operator, and reports that', () => {
    const migration = migrate({ port: 8443 });
    expect(fileOf(migration, '.env')).toMatch(/^DOMAIN=\n.*\nALLOWED_VINS=\nREDIS_PASSWORD=secret$/m);
    expect(migration.steps[0]).toMatch(/^Set DOMAIN .* and ALLOWED_VINS/);
  });

  it("mounts the folder of certbot's links and of their targets", () => {
    expect(variables({ port: 443, tls })).toEqual({
      INGEST_PORT: '443',
      CERTIFICATES: '/etc/letsencrypt',
      INGEST_CERT_FILE: '/certificates/live/x/fullchain.pem',
      INGEST_KEY_FILE: '/certificates/live/x/privkey.pem',
      STREAMING_CERT_FILE: '/certificates/live/x/fullchain.pem',
      STREAMING_KEY_FILE: '/certificates/live/x/privkey.pem',
      CADDY_SCALE: '0',
    });
  });

  it.each([
    ['/a/b/cert.pem', '/a/c/key.pem', '/a'],
    ['/a/cert.pem', '/a/key.pem', '/a'],
    ['cert.pem', 'key.pem', undefined],
    ['/a/cert.pem', '/b/key.pem', undefined],
  ])('mounts the common folder of %s and %s: %s', (server_cert, server_key, folder) => {
    const config = { tls: { server_cert, server_key } };
    expect(variables(config).CERTIFICATES).toBe(folder);
    const lost = migrate(config).lost.some((sentence) => sentence.startsWith('tls.server_cert, tls.server_key:'));
    expect(lost).toBe(folder === undefined);
  });

  it('moves ports that compose uses itself', () => {
    expect(variables({ port: 443 })).toMatchObject({ INGEST_PORT: '443', HTTPS_PORT: '8444' });
    expect(variables({ monitoring: { prometheus_metrics_port: 9090 } })).toMatchObject({
      INGEST_ADMIN_PORT: '9090',
      PROMETHEUS_PORT: '9091',
    });
  });

  it('sets only variables that .env.example explains', () => {
    const example = readFileSync(new URL('../../../../infra/.env.example', import.meta.url), 'utf8');
    const config = {
      host: '10.0.0.1',
      port: 443,
      json_log_enable: false,
      tls: { ...tls, ca_file: 'tesla.ca' },
      monitoring: { prometheus_metrics_port: 9090, prometheus_metrics_host: '0.0.0.0' },
      rate_limit: { enabled: true, message_interval_time: 30, message_limit: 1000 },
      mqtt: { broker: 'mosquitto:1883', topic_base: 'tesla' },
      records: { V: ['mqtt', 'logger'], das: ['logger'] },
    };
    const names = Object.keys(variables(config));
    expect(names.length).toBeGreaterThan(12);
    for (const name of names) expect(example).toMatch(new RegExp(`^#?${name}=`, 'm'));
  });

  it('does not write a value that would break the file', () => {
    const migration = migrate({ namespace: "a'\nB=1" });
    expect(fileOf(migration, '.env')).not.toContain('B=1');
    expect(migration.lost).toContainEqual(expect.stringMatching(/^namespace: /));
  });
});

describe('subscriptions.yaml', () => {
  it('has the mqtt dispatcher with its quality of service and retention, which differ by default', () => {
    const mqtt = { broker: '127.0.0.1:1883', client_id: 'fleet', topic_base: 'tesla' };
    expect(subscriptions({ mqtt, records: { V: ['mqtt'], alerts: ['mqtt'], errors: ['logger'] } })).toEqual([
      {
        name: 'mqtt',
        topics: ['V', 'alerts'],
        mqtt: { url: 'mqtt://host.docker.internal:1883', base: 'tesla', qos: 0, retain: false },
      },
    ]);
  });

  it('refers to a file for the password of a broker, which is not in the definition', () => {
    const mqtt = {
      broker: 'ssl://broker:8883',
      username: 'u',
      password: 'hunter2',
      topic_base: 't',
      qos: 1,
      retained: true,
    };
    const migration = migrate({ mqtt, records: { V: ['mqtt'] } });
    expect(fileOf(migration, 'mqtt-password')).toBe('hunter2\n');
    expect(fileOf(migration, 'subscriptions.yaml')).toContain('password: "file:/config/mqtt-password"');
    expect(JSON.stringify({ ...migration, files: migration.files.slice(0, 2) })).not.toContain('hunter2');
    expect(migration.steps).toContainEqual(expect.stringContaining('config/mqtt-password'));
  });

  it("has the kafka dispatcher of Tesla's example with its brokers, and names what has no counterpart", () => {
    const kafka = {
      'bootstrap.servers': 'some.broker1:9093,PLAINTEXT://some.broker2',
      'ssl.ca.location': 'kafka.ca',
      'ssl.certificate.location': 'kafka.crt',
      'ssl.key.location': 'kafka.key',
      'queue.buffering.max.messages': 1000000,
    };
    const config = { kafka, records: { V: ['kafka'], FS: ['kafka'] } };
    expect(subscriptions(config)).toEqual([
      {
        name: 'kafka',
        topics: ['V', 'FS'],
        payload: 'protobuf',
        kafka: { brokers: ['some.broker1:9093', 'some.broker2:9092'] },
      },
    ]);
    for (const key of Object.keys(kafka).slice(1)) {
      expect(migrate(config).lost).toContainEqual(expect.stringContaining(`kafka.${key}`));
    }
  });

  it('has the TLS and SASL settings of Kafka, and the form of the records', () => {
    const kafka = {
      'bootstrap.servers': 'b:9093',
      'security.protocol': 'SASL_SSL',
      'ssl.ca.location': '/etc/kafka/ca.pem',
      'sasl.mechanisms': 'SCRAM-SHA-512',
      'sasl.username': 'u',
      'sasl.password': 'p',
      acks: 1,
    };
    const config = { kafka, transmit_decoded_records: true, records: { V: ['kafka'] } };
    expect(subscriptions(config)).toEqual([
      {
        name: 'kafka',
        topics: ['V'],
        payload: 'protojson',
        kafka: {
          brokers: ['b:9093'],
          acks: 'leader',
          tls: true,
          caFile: '/config/ca.pem',
          username: 'u',
          password: 'file:/config/kafka-password',
          mechanism: 'SCRAM-SHA-512',
        },
      },
    ]);
    expect(migrate(config).lost).toEqual([]);
  });

  it.each([
    ['pubsub', { gcp_project_id: 'p' }, /^pubsub \(V\): .*--push <URL> --topic V$/],
    ['kinesis', { streams: {} }, /^kinesis: not supported/],
    ['zmq', { addr: 'tcp://127.0.0.1:5288' }, /^zmq: not supported/],
    ['kafka', { 'sasl.mechanism': 'GSSAPI' }, /^kafka\.mechanism: /],
    ['mqtt', {}, /^mqtt\.url: /],
  ])('is not written for %s %j, and the reason is reported', (name, settings, sentence) => {
    const config = { [name]: settings, records: { V: [name] } };
    expect(subscriptions(config)).toEqual([]);
    expect(variables(config)).not.toHaveProperty('DISPATCHER_CONFIG');
    expect(migrate(config).lost).toContainEqual(expect.stringMatching(sentence));
  });
});

it('reports unknown keys, and keys without effect, with a remedy', () => {
  const { lost } = migrate({ status_port: 8080, hots: 'x', airbrake: { project_key: 'k' } });
  expect(lost).toContainEqual('hots: unknown key; did you mean host?');
  expect(lost).toContainEqual(expect.stringMatching(/^status_port: .*\/healthz/));
  expect(lost).toContainEqual(expect.stringMatching(/^airbrake: not supported/));
});

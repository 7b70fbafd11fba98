// The dispatchers of the Go server as deliveries of a subscription. Keys of `kafka` are those of librdkafka. A password
// becomes a file of its own, which the definition names: definitions are stored in Redis.
import { basename } from 'node:path';
import type { GoDispatcher } from '@fleetbridge/service';
import type { OutputFile, Report } from './report.js';

interface Delivery {
  settings: Record<string, unknown>;
  secrets: OutputFile[];
}

/** Undefined: there is no delivery for it, or one that needs more than the file has; `report` has the reason. */
export function deliveryOf({ name, topics, settings }: GoDispatcher, report: Report): Delivery | undefined {
  if (name === 'mqtt') return mqtt(settings, report);
  if (name === 'kafka') return kafka(settings, report);
  if (name === 'pubsub') {
    report.lost.push(
      `pubsub (${topics.join(', ')}): a delivery by HTTP push needs the URL of the endpoint, which is in Google's subscription and not in this file: fleetbridge subscription create pubsub --push <URL>${topics.map((topic) => ` --topic ${topic}`).join('')}`,
    );
  }
  // logger is LOG_RECORDS in .env; readGoConfig has a notice for each of the others
  return undefined;
}

function mqtt(given: Record<string, unknown>, report: Report): Delivery {
  const read = reader('mqtt', given);
  const secrets: OutputFile[] = [];
  const settings = withoutUndefined({
    url: read('broker', (text) => inContainer(brokerUrl(text), report)),
    username: read('username'),
    password: secretFile(read('password'), 'mqtt-password', secrets, report),
    base: read('topic_base'),
    qos: given.qos ?? 0,
    retain: given.retained ?? false,
  });
  reportRest('mqtt', read.rest(['qos', 'retained']), report);
  return { settings, secrets };
}

/** Paho accepts host:port and the schemes of the MQTT clients of other languages. */
function brokerUrl(text: string): string {
  const [, scheme, rest] = /^([\w+]+):\/\/(.*)$/.exec(text) ?? [undefined, 'tcp', text];
  return `${{ tcp: 'mqtt', ssl: 'mqtts', tls: 'mqtts', tcps: 'mqtts', 'mqtt+ssl': 'mqtts' }[scheme!] ?? scheme}://${rest}`;
}

function kafka(given: Record<string, unknown>, report: Report): Delivery {
  const read = reader('kafka', given);
  const secrets: OutputFile[] = [];
  const protocol = String(read('security.protocol') ?? 'plaintext').toLowerCase();
  const caFile = read('ssl.ca.location');
  const acks = String(given.acks ?? given['request.required.acks'] ?? 'all');
  const mechanism = read('sasl.mechanism') ?? read('sasl.mechanisms');
  const tls = protocol.endsWith('ssl');
  const brokers = read('bootstrap.servers') ?? read('metadata.broker.list');
  const settings = withoutUndefined({
    brokers: brokers?.split(',').map((broker) => inContainer(hostAndPort(broker.trim()), report)),
    acks: acks === '1' ? 'leader' : undefined,
    tls: tls ? true : undefined,
    caFile: tls && caFile !== undefined ? configFile(caFile, report) : undefined,
    username: read('sasl.username'),
    password: secretFile(read('sasl.password'), 'kafka-password', secrets, report),
    mechanism,
  });
  if (!tls && caFile !== undefined) {
    report.lost.push(
      'kafka.ssl.ca.location: without effect in this file, because security.protocol is not ssl; if your brokers need TLS, set tls and caFile in subscriptions.yaml',
    );
  }
  if (acks === '0') report.lost.push('kafka.acks: 0 is not supported; all replicas acknowledge');
  const certificate = ['ssl.certificate.location', 'ssl.key.location', 'ssl.key.password'].filter(
    (key) => key in given,
  );
  if (certificate.length > 0) {
    report.lost.push(
      `${certificate.map((key) => `kafka.${key}`).join(', ')}: client certificates are not supported; use SASL`,
    );
  }
  reportRest('kafka', read.rest(['acks', 'request.required.acks', ...certificate]), report);
  return { settings, secrets };
}

/** librdkafka accepts a scheme, and 9092 is its default port. */
function hostAndPort(text: string): string {
  const address = text.replace(/^\w+:\/\//, '');
  return /:\d+$/.test(address) ? address : `${address}:9092`;
}

function reader(section: string, given: Record<string, unknown>) {
  const used = new Set<string>();
  const read = (key: string, convert: (text: string) => string = (text) => text): string | undefined => {
    const value = given[key];
    used.add(key);
    return value === undefined || value === null || value === '' ? undefined : convert(String(value));
  };
  read.rest = (known: readonly string[]) =>
    Object.keys(given)
      .filter((key) => !used.has(key) && !known.includes(key))
      .map((key) => `${section}.${key}`);
  return read;
}

function reportRest(name: string, keys: readonly string[], report: Report): void {
  if (keys.length === 0) return;
  report.lost.push(
    `${keys.join(', ')}: no counterpart; the ${name} delivery has its own client id, queue and timeouts`,
  );
}

/** In a container localhost is the container itself. */
function inContainer(address: string, report: Report): string {
  const changed = address.replace(/^((?:\w+:\/\/)?)(?:localhost|127\.0\.0\.1)(?=[:/]|$)/, '$1host.docker.internal');
  if (changed !== address) report.different.push(`${address}: ${changed}, which is this machine as containers see it`);
  return changed;
}

function configFile(path: string, report: Report): string {
  report.steps.push(`Copy ${path} into config/.`);
  return `/config/${basename(path)}`;
}

function secretFile(
  password: string | undefined,
  name: string,
  secrets: OutputFile[],
  report: Report,
): string | undefined {
  if (password === undefined) return undefined;
  secrets.push({ name, text: `${password}\n` });
  report.steps.push(`Move ${name} into config/ and let user 65532 read it: setfacl -m u:65532:r config/${name}`);
  return `file:/config/${name}`;
}

function withoutUndefined(settings: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

// Translates the configuration file of Tesla's Go server: values under our variables' names, and one notice for each key
// that works differently here or has no effect. Pure. The keys are those of the Go server's schema, in its order
// (docs/protocol/vehicle.md#configuration).
import { type Mistake, nearestName } from '../config/index.js';

export interface GoConfigReading {
  /** By our variables' names; only their types have been checked. */
  values: Record<string, unknown>;
  /** The key of the file behind each variable, so that messages name what the operator wrote. */
  keys: Record<string, string>;
  notices: Notice[];
  mistakes: Mistake[];
  unknownKeys: { key: string; nearest?: string }[];
  /** The dispatchers that `records` names, with their topics and sections, for `fleetbridge migrate`. */
  dispatchers: GoDispatcher[];
  /** `transmit_decoded_records`: JSON instead of protobuf. */
  isDecoded: boolean;
}

export interface GoDispatcher {
  name: string;
  topics: string[];
  /** As in the file; the keys are those of the dispatcher's client library. */
  settings: Record<string, unknown>;
}

export interface Notice {
  key: string;
  /** The key has no effect here. Otherwise it works differently. */
  isLoss: boolean;
  sentence: string;
}

/** `source` names the file in messages. */
export function readGoConfig(config: unknown, source: string): GoConfigReading {
  const reading: GoConfigReading = {
    values: {},
    keys: {},
    notices: [],
    mistakes: [],
    unknownKeys: [],
    dispatchers: [],
    isDecoded: false,
  };
  if (!isObject(config)) {
    reading.mistakes.push({ ...mistake('(the whole file)', 'a JSON object', config), source });
    return reading;
  }
  const given = new Map<string, unknown>();
  collect(config, '', given, reading);
  for (const [key, value] of given) {
    const { variable, convert, notice } = rows[key]!;
    if (variable !== undefined) set(reading, variable, key, convert === undefined ? value : convert(value));
    if (notice !== undefined && isSet(value)) reading.notices.push({ key, ...notice(value) });
  }
  readMetricsHost(given, reading);
  readRateLimit(given, reading);
  readRecords(given, reading);
  readAckSources(given, reading);
  reading.mistakes = reading.mistakes.map((found) => ({ ...found, source }));
  reading.notices = mergeNotices(reading.notices);
  return reading;
}

interface ValueType {
  expected: string;
  matches: (value: unknown) => boolean;
}

const stringType: ValueType = { expected: 'a string', matches: (value) => typeof value === 'string' };
const booleanType: ValueType = { expected: 'true or false', matches: (value) => typeof value === 'boolean' };
const countType: ValueType = {
  expected: 'a whole number, at least 0',
  matches: (value) => Number.isInteger(value) && Number(value) >= 0,
};
const portType: ValueType = {
  expected: 'a port number from 0 to 65535',
  matches: (value) => countType.matches(value) && Number(value) <= 65_535,
};
const stringListType: ValueType = {
  expected: 'a list of strings',
  matches: (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
};
const sectionType: ValueType = { expected: 'an object', matches: isObject };
const levels = ['panic', 'fatal', 'error', 'warn', 'warning', 'info', 'debug', 'trace'];
const levelType: ValueType = {
  expected: `one of ${levels.join(', ')}`,
  matches: (value) => typeof value === 'string' && levels.includes(value.toLowerCase()),
};

interface Row {
  type: ValueType;
  /** Our variable with the same meaning. */
  variable?: string;
  /** Converts the value; undefined leaves the variable unset. */
  convert?: (value: unknown) => unknown;
  /** Reported if the key is set. */
  notice?: (value: unknown) => Omit<Notice, 'key'>;
}

const dispatchers = ['logger', 'kafka', 'kinesis', 'pubsub', 'zmq', 'mqtt', 'redis'] as const;
type Dispatcher = (typeof dispatchers)[number];

/** Notices for dispatchers other than `logger` and `redis`, which have a section or are named in `records`. */
const replacements: Partial<Record<Dispatcher, Omit<Notice, 'key'>>> = {
  kafka: differs(
    'the dispatcher sends to Kafka: configure a subscription with the delivery kafka in DISPATCHER_CONFIG',
  ),
  pubsub: differs(
    'the dispatcher replaces Google Pub/Sub: a subscription with the delivery push in DISPATCHER_CONFIG posts the same envelope to your endpoint',
  ),
  mqtt: differs('the dispatcher sends to MQTT: configure a subscription with the delivery mqtt in DISPATCHER_CONFIG'),
  kinesis: lost(
    'not supported; a subscription with the delivery push in DISPATCHER_CONFIG can post each record to an endpoint that writes to Kinesis',
  ),
  zmq: lost(
    'not supported; for live readers use GET /events or gRPC of the streaming server, or a subscription with the delivery nats in DISPATCHER_CONFIG',
  ),
};

const profiler = lost('not supported; start Node with NODE_OPTIONS=--cpu-prof or --inspect instead');
const statsd = lost(
  'not supported; /metrics on INGEST_ADMIN_PORT has the same numbers for Prometheus; a collector such as Telegraf can forward them to statsd',
);

const rows: Record<string, Row> = {
  host: { type: stringType, variable: 'INGEST_HOST', convert: unlessEmpty },
  port: { type: portType, variable: 'INGEST_PORT', convert: unlessEmpty },
  status_port: {
    type: portType,
    notice: () => lost('not opened; use GET /healthz or GET /readyz on INGEST_ADMIN_PORT'),
  },
  log_level: { type: levelType, variable: 'LOG_LEVEL', convert: ourLevel },
  json_log_enable: { type: booleanType, variable: 'LOG_FORMAT', convert: (isJson) => (isJson ? 'json' : 'pretty') },
  namespace: {
    type: stringType,
    variable: 'NAMESPACE',
    convert: unlessEmpty,
    notice: (namespace) =>
      differs(`also the prefix of every key in Redis: set NAMESPACE=${namespace} for all processes`),
  },
  'tls.server_cert': { type: stringType, variable: 'INGEST_CERT_FILE', convert: unlessEmpty },
  'tls.server_key': { type: stringType, variable: 'INGEST_KEY_FILE', convert: unlessEmpty },
  'tls.ca_file': { type: stringType, variable: 'INGEST_EXTRA_CA_FILE', convert: unlessEmpty },
  use_default_eng_ca: {
    type: booleanType,
    variable: 'INGEST_CA_BUNDLE',
    convert: (isEngineering) => (isEngineering ? 'engineering' : undefined),
  },
  'rate_limit.enabled': { type: booleanType },
  'rate_limit.message_limit': { type: countType },
  'rate_limit.message_interval_time': { type: countType },
  records: { type: sectionType },
  reliable_ack_sources: { type: sectionType },
  // Without effect in the Go server too; here every record is acknowledged reliably.
  reliable_ack: { type: booleanType },
  reliable_ack_workers: { type: countType },
  transmit_decoded_records: {
    type: booleanType,
    notice: () =>
      differs(
        'records are stored as the vehicle sent them; each subscription in DISPATCHER_CONFIG sets its own format',
      ),
  },
  vins_signal_tracking_enabled: { type: stringListType, variable: 'SIGNAL_COUNT_VINS' },
  'monitoring.prometheus_metrics_port': { type: portType, variable: 'INGEST_ADMIN_PORT', convert: unlessEmpty },
  'monitoring.prometheus_metrics_host': { type: stringType, variable: 'ADMIN_HOST', convert: unlessEmpty },
  'monitoring.profiler_port': { type: portType, notice: () => profiler },
  'monitoring.profiler_host': { type: stringType, notice: () => profiler },
  'monitoring.profiling_path': { type: stringType, notice: () => profiler },
  'monitoring.statsd': { type: sectionType, notice: () => statsd },
  'logger.verbose': {
    type: booleanType,
    notice: () => lost('the log lines of records do not contain the types of their values'),
  },
  kafka: { type: sectionType },
  kinesis: { type: sectionType },
  pubsub: { type: sectionType },
  zmq: { type: sectionType },
  mqtt: { type: sectionType },
  redis: {
    type: sectionType,
    notice: () =>
      differs(
        'REDIS_URL sets the Redis that stores the log; the Redis in this file, which only forwards messages, is not used',
      ),
  },
  airbrake: {
    type: sectionType,
    notice: () => lost('not supported; errors are log lines at level error for your log collector'),
  },
};

/** Collects the values of known keys by path. As in Go, null means unset and keys are not case-sensitive. */
function collect(
  section: Record<string, unknown>,
  prefix: string,
  given: Map<string, unknown>,
  reading: GoConfigReading,
) {
  for (const [name, value] of Object.entries(section)) {
    const key = `${prefix}${name.toLowerCase()}`;
    if (value === null) continue;
    const row = Object.hasOwn(rows, key) ? rows[key] : undefined;
    if (row !== undefined) {
      if (row.type.matches(value)) given.set(key, value);
      else reading.mistakes.push(mistake(key, row.type.expected, value));
    } else if (sections.has(key)) {
      if (isObject(value)) collect(value, `${key}.`, given, reading);
      else reading.mistakes.push(mistake(key, sectionType.expected, value));
    } else {
      const nearest = nearestKey(prefix, name.toLowerCase());
      reading.unknownKeys.push({ key: `${prefix}${name}`, ...(nearest === undefined ? {} : { nearest }) });
    }
  }
}

/** A similar key of the same section, or the same name in another section. */
function nearestKey(prefix: string, name: string): string | undefined {
  const known = [...Object.keys(rows), ...sections];
  const here = known.filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
  const nearest = nearestName(
    name,
    here.filter((key) => !key.includes('.')),
  );
  return nearest === undefined ? known.find((key) => key.endsWith(`.${name}`)) : prefix + nearest;
}

const sections = new Set(
  Object.keys(rows).flatMap((key) => (key.includes('.') ? [key.slice(0, key.lastIndexOf('.'))] : [])),
);

function readMetricsHost(given: Map<string, unknown>, reading: GoConfigReading): void {
  if (!isSet(given.get('monitoring.prometheus_metrics_port'))) return;
  if (isSet(given.get('monitoring.prometheus_metrics_host'))) return;
  reading.notices.push({
    key: 'monitoring.prometheus_metrics_port',
    ...differs('listens on loopback only; set ADMIN_HOST=0.0.0.0 to listen on all interfaces'),
  });
}

function readRateLimit(given: Map<string, unknown>, reading: GoConfigReading): void {
  if (given.get('rate_limit.enabled') !== true) return;
  for (const [key, variable] of [
    ['rate_limit.message_limit', 'RATE_LIMIT_RECORDS'],
    ['rate_limit.message_interval_time', 'RATE_LIMIT_SECONDS'],
  ] as const) {
    if (isSet(given.get(key))) set(reading, variable, key, given.get(key));
    // otherwise it has the wrong type, which has been reported
    else if (!reading.mistakes.some(({ variable }) => variable === key)) {
      reading.mistakes.push({ variable: key, problem: 'must be at least 1 when rate_limit.enabled is true' });
    }
  }
  reading.notices.push({
    key: 'rate_limit',
    ...differs('a vehicle over the limit is paused; its records are not dropped'),
  });
}

const ourTopics = ['V', 'alerts', 'errors', 'connectivity'];

function readRecords(given: Map<string, unknown>, reading: GoConfigReading): void {
  const byDispatcher = new Map<Dispatcher, string[]>();
  for (const [topic, names] of Object.entries((given.get('records') ?? {}) as Record<string, unknown>)) {
    if (!Array.isArray(names) || names.length === 0 || !names.every(isDispatcher)) {
      reading.mistakes.push(mistake(`records.${topic}`, `a list of ${dispatchers.join(', ')}`, names));
      continue;
    }
    for (const name of new Set(names as Dispatcher[]))
      byDispatcher.set(name, [...(byDispatcher.get(name) ?? []), topic]);
  }
  reading.dispatchers = [...byDispatcher].map(([name, topics]) => ({
    name,
    topics,
    settings: (given.get(name) ?? {}) as Record<string, unknown>,
  }));
  reading.isDecoded = given.get('transmit_decoded_records') === true;
  const topics = [...new Set([...byDispatcher.values()].flat())];
  const extra = topics.filter((topic) => !ourTopics.includes(topic));
  if (extra.length > 0) set(reading, 'EXTRA_TOPICS', 'records', extra);

  for (const name of dispatchers) {
    const notice = replacements[name];
    const wanted = byDispatcher.get(name);
    if (notice === undefined || (wanted === undefined && !given.has(name))) continue;
    const sentence = wanted === undefined ? notice.sentence : `${notice.sentence} (used by ${wanted.join(', ')})`;
    reading.notices.push({ key: name, ...notice, sentence });
  }
  const logged = byDispatcher.get('logger');
  if (logged !== undefined) {
    set(reading, 'LOG_RECORDS', 'records', logged);
    reading.notices.push({
      key: 'records',
      ...differs(`every record of ${logged.join(', ')} is written to the log, including the vehicle's location`),
    });
  }
  const stored = byDispatcher.get('redis') ?? [];
  const alsoStored = [...ourTopics, ...extra].filter((topic) => !stored.includes(topic));
  if (given.has('records') && alsoStored.length > 0) {
    reading.notices.push({
      key: 'records',
      ...differs(`every record is stored in Redis, including ${alsoStored.join(', ')}, which do not list redis here`),
    });
  }
}

function readAckSources(given: Map<string, unknown>, reading: GoConfigReading): void {
  const sources = Object.entries((given.get('reliable_ack_sources') ?? {}) as Record<string, unknown>);
  for (const [topic, name] of sources) {
    if (isDispatcher(name)) continue;
    reading.mistakes.push(mistake(`reliable_ack_sources.${topic}`, `one of ${dispatchers.join(', ')}`, name));
  }
  const elsewhere = sources.filter(([, name]) => name !== 'redis').map(([topic]) => topic);
  if (elsewhere.length > 0) {
    reading.notices.push({
      key: 'reliable_ack_sources',
      ...differs(
        `records of ${elsewhere.join(', ')} are acknowledged when Redis has stored them; the dispatcher delivers them later`,
      ),
    });
  }
  const records = Object.keys((given.get('records') ?? {}) as object);
  const early = records.filter((topic) => !sources.some(([named]) => named === topic));
  if (early.length > 0) {
    reading.notices.push({
      key: 'reliable_ack_sources',
      ...differs(
        `${early.join(', ')} without a source: acknowledged when stored; set ACK_ON_RECEIVE=${early.join(',')} to acknowledge on receipt, as the Go server does`,
      ),
    });
  }
}

/** Merges notices with the same sentence. */
function mergeNotices(notices: readonly Notice[]): Notice[] {
  const bySentence = new Map<string, Notice>();
  for (const notice of notices) {
    const earlier = bySentence.get(notice.sentence);
    bySentence.set(
      notice.sentence,
      earlier === undefined ? notice : { ...earlier, key: `${earlier.key}, ${notice.key}` },
    );
  }
  return [...bySentence.values()];
}

function set({ values, keys }: GoConfigReading, variable: string, key: string, value: unknown): void {
  if (value === undefined) return;
  values[variable] = value;
  keys[variable] = key;
}

function mistake(key: string, expected: string, value: unknown): Mistake {
  // Short, and without the content of objects, which may contain passwords.
  const got = isObject(value) ? 'an object' : JSON.stringify(value).slice(0, 60);
  return { variable: key, problem: `expected ${expected}`, got };
}

function differs(sentence: string): Omit<Notice, 'key'> {
  return { isLoss: false, sentence };
}

function lost(sentence: string): Omit<Notice, 'key'> {
  return { isLoss: true, sentence };
}

/** In Go an unset key has the zero value of its type. */
function isSet(value: unknown): boolean {
  return value !== undefined && value !== '' && value !== 0 && value !== false;
}

function unlessEmpty(value: unknown): unknown {
  return isSet(value) ? value : undefined;
}

function ourLevel(level: unknown): string {
  const name = String(level).toLowerCase();
  return { warning: 'warn', panic: 'fatal' }[name] ?? name;
}

function isDispatcher(name: unknown): name is Dispatcher {
  return dispatchers.includes(name as Dispatcher);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

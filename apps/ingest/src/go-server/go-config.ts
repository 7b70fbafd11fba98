// The configuration file of Tesla's Go server, read as it is: what it says under our variables' names, and one sentence
// for whatever means something else here, or nothing. Pure: the parsed JSON goes in. The keys are those of the Go
// server's schema (reference: vehicle protocol, section 7), in its order.
import { type Mistake, nearestName } from '@fleetbridge/service';

export interface GoConfigReading {
  /** Under our variables' names, checked no further than for their types. */
  values: Record<string, unknown>;
  /** Which key of the file each of these variables comes from: a message should name what its reader wrote. */
  keys: Record<string, string>;
  notices: Notice[];
  mistakes: Mistake[];
  unknownKeys: { key: string; nearest?: string }[];
}

export interface Notice {
  key: string;
  /** Something that the Go server did is not done any more. Otherwise it is done in another way. */
  isLoss: boolean;
  sentence: string;
}

/** `source` is how messages call the file. */
export function readGoConfig(config: unknown, source: string): GoConfigReading {
  const reading: GoConfigReading = { values: {}, keys: {}, notices: [], mistakes: [], unknownKeys: [] };
  if (!isObject(config)) {
    reading.mistakes.push({ ...mistake('(the whole file)', 'a JSON object', config), source });
    return reading;
  }
  const given = new Map<string, unknown>();
  collect(config, '', given, reading);
  for (const [key, value] of given) {
    const { variable, as, says } = rows[key]!;
    if (variable !== undefined) set(reading, variable, key, as === undefined ? value : as(value));
    if (says !== undefined && isInUse(value)) reading.notices.push({ key, ...says(value) });
  }
  readMetricsHost(given, reading);
  readRateLimit(given, reading);
  readRecords(given, reading);
  readAckSources(given, reading);
  reading.mistakes = reading.mistakes.map((found) => ({ ...found, source }));
  reading.notices = withoutRepeats(reading.notices);
  return reading;
}

interface Kind {
  expected: string;
  fits: (value: unknown) => boolean;
}

const isText: Kind = { expected: 'a text', fits: (value) => typeof value === 'string' };
const isFlag: Kind = { expected: 'true or false', fits: (value) => typeof value === 'boolean' };
const isCount: Kind = {
  expected: 'a whole number, at least 0',
  fits: (value) => Number.isInteger(value) && Number(value) >= 0,
};
const isPort: Kind = {
  expected: 'a port number from 0 to 65535',
  fits: (value) => isCount.fits(value) && Number(value) <= 65_535,
};
const isTexts: Kind = {
  expected: 'a list of texts',
  fits: (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
};
const isSection: Kind = { expected: 'an object', fits: isObject };
const levels = ['panic', 'fatal', 'error', 'warn', 'warning', 'info', 'debug', 'trace'];
const isLevel: Kind = {
  expected: `one of ${levels.join(', ')}`,
  fits: (value) => typeof value === 'string' && levels.includes(value.toLowerCase()),
};

interface Row {
  kind: Kind;
  /** Ours, for the same thing. */
  variable?: string;
  /** The value as ours; undefined leaves the variable unset. */
  as?: (value: unknown) => unknown;
  /** Said when the key is in use. */
  says?: (value: unknown) => Omit<Notice, 'key'>;
}

const dispatchers = ['logger', 'kafka', 'kinesis', 'pubsub', 'zmq', 'mqtt', 'redis'] as const;
type Dispatcher = (typeof dispatchers)[number];

/** What becomes of a dispatcher other than `logger` and `redis`, whether it has a section or is named in `records`. */
const replacements: Partial<Record<Dispatcher, Omit<Notice, 'key'>>> = {
  kafka: differs('the dispatcher sends to Kafka: a subscription with the delivery kafka in DISPATCHER_CONFIG'),
  pubsub: differs(
    "the dispatcher takes Google Pub/Sub's place: a subscription with the delivery push in DISPATCHER_CONFIG posts the same envelope to an endpoint of yours",
  ),
  mqtt: differs('the dispatcher sends to MQTT: a subscription with the delivery mqtt in DISPATCHER_CONFIG'),
  kinesis: lost(
    'not served; a subscription with the delivery push in DISPATCHER_CONFIG can post each record to an endpoint that puts it into Kinesis',
  ),
  zmq: lost(
    'not served; for live readers use GET /events or gRPC of the streaming server, or a subscription with the delivery nats in DISPATCHER_CONFIG',
  ),
};

const profiler = lost('not served; start Node with NODE_OPTIONS=--cpu-prof or --inspect instead');
const statsd = lost(
  'not served; /metrics on INGEST_ADMIN_PORT has the same numbers for Prometheus, and Telegraf or the like carries them to statsd',
);

const rows: Record<string, Row> = {
  host: { kind: isText, variable: 'INGEST_HOST', as: unlessEmpty },
  port: { kind: isPort, variable: 'INGEST_PORT', as: unlessEmpty },
  status_port: {
    kind: isPort,
    says: () => lost('not opened; ask GET /healthz or GET /readyz on INGEST_ADMIN_PORT'),
  },
  log_level: { kind: isLevel, variable: 'LOG_LEVEL', as: ourLevel },
  json_log_enable: { kind: isFlag, variable: 'LOG_FORMAT', as: (isJson) => (isJson ? 'json' : 'pretty') },
  namespace: {
    kind: isText,
    variable: 'NAMESPACE',
    as: unlessEmpty,
    says: (namespace) => differs(`also the prefix of every key in Redis: set NAMESPACE=${namespace} for all processes`),
  },
  'tls.server_cert': { kind: isText, variable: 'INGEST_CERT_FILE', as: unlessEmpty },
  'tls.server_key': { kind: isText, variable: 'INGEST_KEY_FILE', as: unlessEmpty },
  'tls.ca_file': { kind: isText, variable: 'INGEST_EXTRA_CA_FILE', as: unlessEmpty },
  use_default_eng_ca: {
    kind: isFlag,
    variable: 'INGEST_CA_BUNDLE',
    as: (isEngineering) => (isEngineering ? 'engineering' : undefined),
  },
  'rate_limit.enabled': { kind: isFlag },
  'rate_limit.message_limit': { kind: isCount },
  'rate_limit.message_interval_time': { kind: isCount },
  records: { kind: isSection },
  reliable_ack_sources: { kind: isSection },
  // Both had no effect any more in the Go server, and every record is acknowledged reliably here.
  reliable_ack: { kind: isFlag },
  reliable_ack_workers: { kind: isCount },
  transmit_decoded_records: {
    kind: isFlag,
    says: () =>
      differs(
        'records are stored as the vehicle sent them; a subscription in DISPATCHER_CONFIG says how its own are written',
      ),
  },
  vins_signal_tracking_enabled: { kind: isTexts, variable: 'SIGNAL_COUNT_VINS' },
  'monitoring.prometheus_metrics_port': { kind: isPort, variable: 'INGEST_ADMIN_PORT', as: unlessEmpty },
  'monitoring.prometheus_metrics_host': { kind: isText, variable: 'ADMIN_HOST', as: unlessEmpty },
  'monitoring.profiler_port': { kind: isPort, says: () => profiler },
  'monitoring.profiler_host': { kind: isText, says: () => profiler },
  'monitoring.profiling_path': { kind: isText, says: () => profiler },
  'monitoring.statsd': { kind: isSection, says: () => statsd },
  'logger.verbose': {
    kind: isFlag,
    says: () => lost('the log lines of records do not name the types of their values'),
  },
  kafka: { kind: isSection },
  kinesis: { kind: isSection },
  pubsub: { kind: isSection },
  zmq: { kind: isSection },
  mqtt: { kind: isSection },
  redis: {
    kind: isSection,
    says: () =>
      differs('REDIS_URL names the Redis that holds the log; the one in this file, which keeps nothing, is not used'),
  },
  airbrake: {
    kind: isSection,
    says: () => lost('not served; errors are lines of the log at level error, for whatever collects your logs'),
  },
};

/** Every value of a known key, by its path; nulls are unset, as in Go. Go does not mind the case of a key either. */
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
      if (row.kind.fits(value)) given.set(key, value);
      else reading.mistakes.push(mistake(key, row.kind.expected, value));
    } else if (sections.has(key)) {
      if (isObject(value)) collect(value, `${key}.`, given, reading);
      else reading.mistakes.push(mistake(key, isSection.expected, value));
    } else {
      const nearest = nearestKey(prefix, name.toLowerCase());
      reading.unknownKeys.push({ key: `${prefix}${name}`, ...(nearest === undefined ? {} : { nearest }) });
    }
  }
}

/** A key of the same section with a typing error, or the same name in another section. */
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
  if (!isInUse(given.get('monitoring.prometheus_metrics_port'))) return;
  if (isInUse(given.get('monitoring.prometheus_metrics_host'))) return;
  reading.notices.push({
    key: 'monitoring.prometheus_metrics_port',
    ...differs('opened on loopback only; ADMIN_HOST=0.0.0.0 opens it to every network'),
  });
}

function readRateLimit(given: Map<string, unknown>, reading: GoConfigReading): void {
  if (given.get('rate_limit.enabled') !== true) return;
  for (const [key, variable] of [
    ['rate_limit.message_limit', 'RATE_LIMIT_RECORDS'],
    ['rate_limit.message_interval_time', 'RATE_LIMIT_SECONDS'],
  ] as const) {
    if (isInUse(given.get(key))) set(reading, variable, key, given.get(key));
    // otherwise it is there and of the wrong type, which has been said
    else if (!reading.mistakes.some(({ variable }) => variable === key)) {
      reading.mistakes.push({ variable: key, problem: 'must be at least 1 when rate_limit.enabled is true' });
    }
  }
  reading.notices.push({
    key: 'rate_limit',
    ...differs('a vehicle over the limit is read later; its records are not dropped'),
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
  const topics = [...new Set([...byDispatcher.values()].flat())];
  const extra = topics.filter((topic) => !ourTopics.includes(topic));
  if (extra.length > 0) set(reading, 'EXTRA_TOPICS', 'records', extra);

  for (const name of dispatchers) {
    const notice = replacements[name];
    const wanted = byDispatcher.get(name);
    if (notice === undefined || (wanted === undefined && !given.has(name))) continue;
    const sentence = wanted === undefined ? notice.sentence : `${notice.sentence} (here for ${wanted.join(', ')})`;
    reading.notices.push({ key: name, ...notice, sentence });
  }
  const logged = byDispatcher.get('logger');
  if (logged !== undefined) {
    set(reading, 'LOG_RECORDS', 'records', logged);
    reading.notices.push({
      key: 'records',
      ...differs(`the log gets a line for each record of ${logged.join(', ')}, the vehicle's location included`),
    });
  }
  const stored = byDispatcher.get('redis') ?? [];
  const alsoStored = [...ourTopics, ...extra].filter((topic) => !stored.includes(topic));
  if (given.has('records') && alsoStored.length > 0) {
    reading.notices.push({
      key: 'records',
      ...differs(`everything is stored in Redis; ${alsoStored.join(', ')} too, for which redis is not named here`),
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
        `a record of ${elsewhere.join(', ')} is acknowledged when Redis has it; the dispatcher takes it from there`,
      ),
    });
  }
  const records = Object.keys((given.get('records') ?? {}) as object);
  const early = records.filter((topic) => !sources.some(([named]) => named === topic));
  if (early.length > 0) {
    reading.notices.push({
      key: 'reliable_ack_sources',
      ...differs(
        `${early.join(', ')} without a source: acknowledged when stored all the same; ACK_ON_RECEIVE=${early.join(',')} would acknowledge on receipt, as before`,
      ),
    });
  }
}

/** Keys that share a sentence share a notice. */
function withoutRepeats(notices: readonly Notice[]): Notice[] {
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
  // Short, and nothing of what an object holds: there are passwords in some.
  const got = isObject(value) ? 'an object' : JSON.stringify(value).slice(0, 60);
  return { variable: key, problem: `expected ${expected}`, got };
}

function differs(sentence: string): Omit<Notice, 'key'> {
  return { isLoss: false, sentence };
}

function lost(sentence: string): Omit<Notice, 'key'> {
  return { isLoss: true, sentence };
}

/** Go's zero values are what a key has that is not there. */
function isInUse(value: unknown): boolean {
  return value !== undefined && value !== '' && value !== 0 && value !== false;
}

function unlessEmpty(value: unknown): unknown {
  return isInUse(value) ? value : undefined;
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

// What a subscription says: the schema that validates DISPATCHER_CONFIG and what the CLI stored, and from which
// docs/dispatcher.md's table is made. Every mistake is reported with its path.
import { signalNames, topics, VIN_PATTERN } from '@fleetbridge/protocol';
import { z } from 'zod';
import { payloadForms } from '../delivery/index.js';

const SECRET =
  'A text, `env:NAME` (a variable of the dispatcher) or `file:/path`. A plain text is kept in Redis as it is.';

const seconds = (minimum: number, maximum: number) => z.number().min(minimum).max(maximum);
const httpUrl = z
  .string()
  .refine((text) => isUrl(text, ['http:', 'https:']), 'expected a URL that starts with http:// or https://');
const knownSignals = new Set(signalNames.values());

const signedToken = z
  .strictObject({
    audience: z.string().min(1).describe('`aud` of the token.'),
    issuer: z.string().min(1).default('https://accounts.google.com').describe('`iss` of the token.'),
    serviceAccount: z.email().describe('`email` and `sub` of the token.'),
    keyFile: z.string().min(1).describe('Private key, PEM: RSA, P-256 or Ed25519.'),
    keyId: z.string().min(1).optional().describe('`kid`, by which the server finds the public key.'),
  })
  .describe('An OIDC token as Google signs it, made anew every hour, in place of `token`.');

const push = z
  .strictObject({
    url: httpUrl.describe('Where each record is posted.'),
    wrapped: z
      .boolean()
      .default(true)
      .describe("In Pub/Sub's envelope, or the payload as the body with the rest in headers."),
    headers: z
      .record(z.string().regex(/^[\w-]+$/, 'expected the name of a header'), z.string())
      .default({})
      .describe('Sent with each request.'),
    token: z.string().min(1).optional().describe(`Bearer token. ${SECRET}`),
    signedToken: signedToken.optional(),
    connections: z.int().min(1).max(1_000).default(100).describe('Requests under way at once, a partition.'),
  })
  .refine(({ token, signedToken }) => token === undefined || signedToken === undefined, {
    message: 'token and signedToken exclude each other',
    path: ['token'],
  });

const mqtt = z.strictObject({
  url: z
    .string()
    .refine(
      (text) => isUrl(text, ['mqtt:', 'mqtts:', 'ws:', 'wss:']),
      'expected a URL that starts with mqtt://, mqtts://, ws:// or wss://',
    )
    .describe('The broker.'),
  username: z.string().optional().describe('Of this client.'),
  password: z.string().optional().describe(SECRET),
  base: z
    .string()
    .regex(/^[^#+\0]+$/, 'expected a topic without # and +')
    .default('fleetbridge')
    .describe('What every topic begins with.'),
  qos: z
    .union([z.literal(0), z.literal(1), z.literal(2)])
    .default(1)
    .describe('0 counts as delivered when it is sent.'),
  retain: z.boolean().default(true).describe('Whether the broker keeps the last value of each topic.'),
  homeAssistant: z
    .union([
      z.boolean(),
      z.strictObject({ prefix: z.string().min(1).default('homeassistant').describe('As in its settings.') }),
    ])
    .default(false)
    .describe(
      "Announces each vehicle as a device by Home Assistant's MQTT discovery; `{ prefix }` for another discovery prefix.",
    ),
  caFile: z.string().min(1).optional().describe('CA of the broker, for mqtts://.'),
});

const kafka = z.strictObject({
  brokers: z
    .array(z.string().regex(/^[^:\s]+:\d+$/, 'expected host:port'))
    .min(1)
    .describe('`host:port` of brokers to begin with.'),
  acks: z
    .enum(['all', 'leader'])
    .default('all')
    .describe('Who must have a record. `all` comes with the idempotent producer.'),
  tls: z.boolean().default(false).describe('TLS to the brokers.'),
  caFile: z.string().min(1).optional().describe('CA of the brokers, with `tls`.'),
  username: z.string().optional().describe('SASL, with `mechanism`.'),
  password: z.string().optional().describe(SECRET),
  mechanism: z.enum(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']).default('PLAIN').describe('Of SASL.'),
});

const nats = z.strictObject({
  servers: z.array(z.string().min(1)).min(1).describe('`nats://host:port`, to begin with.'),
  username: z.string().optional().describe('Of this client.'),
  password: z.string().optional().describe(SECRET),
  token: z.string().optional().describe(SECRET),
  stream: z
    .string()
    .regex(/^[\w-]+$/, 'expected letters, digits, _ or -')
    .optional()
    .describe('Makes this JetStream stream over `<namespace>.>` when it is not there.'),
});

const log = z.strictObject({
  file: z.string().min(1).optional().describe('Lines are added to it; without it they go to stdout.'),
});

export const deliveryKinds = ['push', 'mqtt', 'kafka', 'nats', 'log'] as const;

export const subscriptionSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9][\w.-]{0,62}$/, 'expected a letter or digit, then at most 62 of letters, digits, _ . -')
      .describe('Its name, for ever: another name is another subscription.'),
    topics: z
      .array(z.string().regex(/^[\w.-]{1,64}$/, `expected ${topics.join(', ')} or one of EXTRA_TOPICS`))
      .min(1)
      .default([...topics])
      .describe('Records of these.'),
    vins: z
      .array(z.string().regex(VIN_PATTERN, 'expected a VIN'))
      .min(1)
      .optional()
      .describe('Records of these vehicles; default: all.'),
    signals: z
      .array(z.string().refine((name) => knownSignals.has(name), 'no signal has this name'))
      .min(1)
      .optional()
      .describe(
        'Records of V that have one of these; in forms other than protobuf the others are left out. Default: all.',
      ),
    from: z.enum(['now', 'earliest']).default('now').describe('Where a new one begins.'),
    payload: z
      .enum(payloadForms)
      .optional()
      .describe(
        '`protobuf` as stored, `protojson` as with `transmit_decoded_records`, or flat `json`. Default: protojson. Not for mqtt and log.',
      ),
    ackDeadlineSeconds: seconds(0.05, 600).default(10).describe('No answer for so long counts as away.'),
    backOff: z
      .strictObject({
        minimumSeconds: seconds(0.01, 600).default(0.1).describe('After the first failure.'),
        maximumSeconds: seconds(0.01, 3_600).default(60).describe('After many.'),
      })
      .prefault({})
      .describe('Between attempts: `minimumSeconds`, doubling up to `maximumSeconds`, with jitter.')
      .refine(
        ({ minimumSeconds, maximumSeconds }) => minimumSeconds <= maximumSeconds,
        'minimumSeconds is more than maximumSeconds',
      ),
    maximumDeliveries: z
      .int()
      .min(1)
      .max(1_000)
      .default(5)
      .describe('Rejections after which a record becomes a dead letter.'),
    push: push.optional().describe('HTTP POST.'),
    mqtt: mqtt.optional().describe('To an MQTT broker.'),
    kafka: kafka.optional().describe('To Kafka.'),
    nats: nats.optional().describe('To NATS JetStream.'),
    log: z
      .union([z.literal(true).transform(() => ({})), log])
      .optional()
      .describe('Lines of JSON; `log: true` will do.'),
  })
  .superRefine((given, context) => {
    const kinds = deliveryKinds.filter((kind) => given[kind] !== undefined);
    if (kinds.length !== 1) {
      const problem = `expected exactly one of ${deliveryKinds.join(', ')}, got ${kinds.join(' and ') || 'none'}`;
      context.addIssue({ code: 'custom', message: problem });
    }
  });

export type SubscriptionDefinition = z.output<typeof subscriptionSchema>;

/** Paths begin with `subscriptions[n]`, or with the name where there is one. */
export interface DefinitionMistake {
  path: string;
  problem: string;
}

export type Checked<T> = { value: T } | { mistakes: DefinitionMistake[] };

export function checkDefinition(given: unknown, at: string): Checked<SubscriptionDefinition> {
  const result = z.safeParse(subscriptionSchema, given);
  if (result.success) return { value: result.data };
  return { mistakes: result.error.issues.flatMap((issue) => mistakesOf(issue, at)) };
}

/** A definition that is good, as it was written: without the defaults, which may change. */
export interface GivenDefinition {
  definition: SubscriptionDefinition;
  given: unknown;
}

/** The whole of DISPATCHER_CONFIG, parsed from YAML. */
export function checkDefinitions(given: unknown): Checked<GivenDefinition[]> {
  const file = z.safeParse(z.strictObject({ subscriptions: z.array(z.unknown()).default([]) }), given ?? {});
  if (!file.success) return { mistakes: file.error.issues.flatMap((issue) => mistakesOf(issue, '')) };
  const mistakes: DefinitionMistake[] = [];
  const definitions: GivenDefinition[] = [];
  const names = new Set<string>();
  for (const [index, one] of file.data.subscriptions.entries()) {
    const at = `subscriptions[${index}]`;
    const checked = checkDefinition(one, at);
    if ('mistakes' in checked) mistakes.push(...checked.mistakes);
    else definitions.push({ definition: checked.value, given: one });
    const name = (one as { name?: unknown } | null)?.name;
    if (typeof name !== 'string') continue;
    if (names.has(name)) mistakes.push({ path: `${at}.name`, problem: `"${name}" is the name of another one above` });
    names.add(name);
  }
  return mistakes.length > 0 ? { mistakes } : { value: definitions };
}

function mistakesOf(issue: z.core.$ZodIssue, at: string): DefinitionMistake[] {
  const path = issue.path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, at);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: path === '' ? key : `${path}.${key}`,
      problem: 'there is no such setting',
    }));
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    return [{ path, problem: 'none of the forms that are possible here' }];
  }
  return [{ path: path === '' ? 'the file' : path, problem: issue.message }];
}

function isUrl(text: string, protocols: readonly string[]): boolean {
  return URL.canParse(text) && protocols.includes(new URL(text).protocol) && new URL(text).host !== '';
}

// What a subscription says: the schema that validates DISPATCHER_CONFIG and what the CLI stored, and from which
// docs/dispatcher.md's table is made. Every mistake is reported with its path.
import { signalNames, topics, VIN_PATTERN } from '@fleetbridge/protocol';
import { z } from 'zod';
import { deliveryKinds } from '../kinds.js';
import { payloadForms } from '../shared/index.js';

const seconds = (minimum: number, maximum: number) => z.number().min(minimum).max(maximum);
const NAME = /^[A-Za-z0-9][\w.-]{0,62}$/;
const knownSignals = new Set(signalNames.values());

/** The settings of each kind, by its name; exactly one must be present. Only create-delivery.ts reads them. */
const deliverySettings: Record<never, never> = Object.fromEntries(
  deliveryKinds.map(({ name, schema, description }) => [name, schema.optional().describe(description)]),
);

const commonSettings = z.strictObject({
  name: z
    .string()
    .regex(NAME, 'expected a letter or digit, then at most 62 of letters, digits, _ . -')
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
});

export const subscriptionSchema = commonSettings.extend(deliverySettings).superRefine((given, context) => {
  const names = deliveryKinds.map(({ name }) => name);
  const present = names.filter((name) => (given as Record<string, unknown>)[name] !== undefined);
  if (present.length !== 1) {
    const problem = `expected exactly one of ${names.join(', ')}, got ${present.join(' and ') || 'none'}`;
    context.addIssue({ code: 'custom', message: problem });
  }
});

/** With the settings of one kind of delivery under its name (create-delivery.ts). */
export type SubscriptionDefinition = z.output<typeof commonSettings>;

/** Paths begin with `subscriptions[n]`, or with the name where there is one. */
export interface DefinitionMistake {
  path: string;
  problem: string;
}

export type Checked<T> = { value: T } | { mistakes: DefinitionMistake[] };

export function isSubscriptionName(text: string): boolean {
  return NAME.test(text);
}

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

// The definition of a subscription: the schema that validates DISPATCHER_CONFIG and the CLI's definitions, and from which
// the table in docs/dispatcher.md is generated. Every mistake is reported with its path.
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
    .describe('Name of the subscription. Another name is another subscription.'),
  topics: z
    .array(z.string().regex(/^[\w.-]{1,64}$/, `expected ${topics.join(', ')} or one of EXTRA_TOPICS`))
    .min(1)
    .default([...topics])
    .describe('Topics to deliver.'),
  vins: z
    .array(z.string().regex(VIN_PATTERN, 'expected a VIN'))
    .min(1)
    .optional()
    .describe('Vehicles to deliver; default: all.'),
  signals: z
    .array(z.string().refine((name) => knownSignals.has(name), 'unknown signal'))
    .min(1)
    .optional()
    .describe(
      'Deliver only V records with one of these signals; forms other than protobuf leave out the others. Default: all.',
    ),
  from: z.enum(['now', 'earliest']).default('now').describe('Where a new subscription starts.'),
  payload: z
    .enum(payloadForms)
    .optional()
    .describe(
      '`protobuf` as stored, `protojson` as with `transmit_decoded_records`, or flat `json`. Default: protojson. Not used by mqtt and log.',
    ),
  ackDeadlineSeconds: seconds(0.05, 600)
    .default(10)
    .describe('After this time without a response the endpoint counts as away.'),
  backOff: z
    .strictObject({
      minimumSeconds: seconds(0.01, 600).default(0.1).describe('Delay after the first failure.'),
      maximumSeconds: seconds(0.01, 3_600).default(60).describe('Longest delay.'),
    })
    .prefault({})
    .describe('Delay between attempts: `minimumSeconds`, doubling up to `maximumSeconds`, with jitter.')
    .refine(
      ({ minimumSeconds, maximumSeconds }) => minimumSeconds <= maximumSeconds,
      'expected minimumSeconds to be at most maximumSeconds',
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
    const problem = `expected exactly one of ${names.join(', ')}, got ${present.join(' and ') || 'no delivery'}`;
    context.addIssue({ code: 'custom', message: problem });
  }
});

/** With the settings of one kind of delivery under its name (create-delivery.ts). */
export type SubscriptionDefinition = z.output<typeof commonSettings>;

/** Paths start with `subscriptions[n]` in a file, and with the name of a stored subscription. */
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

/** A valid definition, parsed and as written: the defaults, which may change, are not stored. */
export interface GivenDefinition {
  definition: SubscriptionDefinition;
  given: unknown;
}

/** Checks the whole of DISPATCHER_CONFIG, parsed from YAML. */
export function checkDefinitions(given: unknown): Checked<GivenDefinition[]> {
  const file = z.safeParse(z.strictObject({ subscriptions: z.array(z.unknown()).default([]) }), given ?? {});
  if (!file.success) return { mistakes: file.error.issues.flatMap((issue) => mistakesOf(issue, '')) };
  const mistakes: DefinitionMistake[] = [];
  const definitions: GivenDefinition[] = [];
  const names = new Set<string>();
  for (const [index, definition] of file.data.subscriptions.entries()) {
    const at = `subscriptions[${index}]`;
    const checked = checkDefinition(definition, at);
    if ('mistakes' in checked) mistakes.push(...checked.mistakes);
    else definitions.push({ definition: checked.value, given: definition });
    const name = (definition as { name?: unknown } | null)?.name;
    if (typeof name !== 'string') continue;
    if (names.has(name))
      mistakes.push({ path: `${at}.name`, problem: `"${name}" is already the name of a subscription above` });
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
      problem: 'unknown setting',
    }));
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    return [{ path, problem: 'expected one of the forms in docs/dispatcher.md' }];
  }
  return [{ path: path === '' ? 'the file' : path, problem: issue.message }];
}

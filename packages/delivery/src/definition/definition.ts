// The definition of a subscription: the schema that validates DISPATCHER_CONFIG and the CLI's definitions, and from which
// the table in docs/dispatcher.md is generated. Every mistake is reported with its path.
import { normalizeVin, signalNames, topics, VIN_PATTERN } from '@fleetbridge/protocol';
import { nearestName } from '@fleetbridge/service';
import { z } from 'zod';
import { deliveryKinds } from '../kinds.js';
import { payloadForms } from '../shared/index.js';
import { mistakesOfNames, type NewNames } from './names.js';
import { settingPaths } from './setting-rows.js';

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
    .array(z.string().regex(VIN_PATTERN, 'expected a VIN').transform(normalizeVin))
    .min(1)
    .optional()
    .describe('Vehicles to deliver; default: all.'),
  signals: z
    .array(
      z.string().refine((name) => knownSignals.has(name), {
        error: ({ input }) => `unknown signal${didYouMean(String(input), [...knownSignals])}`,
      }),
    )
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

/**
 * `names` is for new definitions: topics and VINs that can't match are mistakes too. A stored definition is checked without,
 * so that an upgrade stops no subscription.
 */
export function checkDefinition(given: unknown, at: string, names?: NewNames): Checked<SubscriptionDefinition> {
  const result = z.safeParse(subscriptionSchema, given);
  const mistakes = result.success ? [] : result.error.issues.flatMap((issue) => mistakesOf(issue, at));
  if (names !== undefined) {
    const isNamed = new Set(mistakes.map(({ path }) => path));
    mistakes.push(...mistakesOfNames(given, at, names).filter(({ path }) => !isNamed.has(path)));
  }
  return result.success && mistakes.length === 0 ? { value: result.data } : { mistakes };
}

/** A valid definition, parsed and as written: the defaults, which may change, are not stored. */
export interface GivenDefinition {
  definition: SubscriptionDefinition;
  given: unknown;
}

/** Checks the whole of DISPATCHER_CONFIG, parsed from YAML. */
export function checkDefinitions(given: unknown, newNames?: NewNames): Checked<GivenDefinition[]> {
  const file = z.safeParse(z.strictObject({ subscriptions: z.array(z.unknown()).default([]) }), given ?? {});
  if (!file.success) return { mistakes: file.error.issues.flatMap((issue) => mistakesOf(issue, '')) };
  const mistakes: DefinitionMistake[] = [];
  const definitions: GivenDefinition[] = [];
  const names = new Set<string>();
  for (const [index, definition] of file.data.subscriptions.entries()) {
    const at = `subscriptions[${index}]`;
    const checked = checkDefinition(definition, at, newNames);
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
    const inside = issue.path.map((part) => `${String(part)}.`).join('');
    const known =
      at === '' && inside === ''
        ? ['subscriptions']
        : settingPaths(subscriptionSchema)
            .filter((name) => name.startsWith(inside))
            .map((name) => name.slice(inside.length))
            .filter((name) => !name.includes('.'));
    return issue.keys.map((key) => ({
      path: path === '' ? key : `${path}.${key}`,
      problem: `unknown setting${didYouMean(key, known)}`,
    }));
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    return [{ path, problem: 'expected one of the forms in docs/dispatcher.md' }];
  }
  const place = path === '' ? 'the file' : path;
  if (issue.code === 'invalid_type') {
    const kind = expectedForms[issue.expected] ?? `a ${issue.expected}`;
    const example = issue.expected === 'array' && issue.path.at(-1) === 'topics' ? ' such as [V]' : '';
    return [
      {
        path: place,
        problem: `expected ${kind}${example}${issue.message.endsWith('undefined') ? ', got nothing' : ''}`,
      },
    ];
  }
  return [{ path: place, problem: issue.message }];
}

/** What YAML and JSON call the types. */
const expectedForms: Readonly<Record<string, string>> = {
  array: 'a list',
  object: 'settings below it',
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

function didYouMean(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  return nearest === undefined ? '' : `; did you mean ${nearest}?`;
}

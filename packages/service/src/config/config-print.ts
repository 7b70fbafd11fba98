// Configuration for people: the list of mistakes, and the facts about each variable for the docs.
import { fieldFacts, Secret } from '@fleetbridge/settings';
import type { z } from 'zod';
import { withoutCredentials } from './clipped.js';
import type { ConfigSchema } from './config.js';
import type { ConfigError, UnknownVariable } from './errors.js';

/** One heading, then one line per mistake. */
export function formatConfigError(error: ConfigError): string {
  const lines = error.mistakes.map(({ variable, problem, got, source }) => {
    const given = got === undefined ? '' : `, got ${got}`;
    return `  ${variable}: ${problem}${given}${source === undefined ? '' : ` (${source})`}`;
  });
  return [
    `The configuration has ${lines.length === 1 ? 'a mistake' : `${lines.length} mistakes`}:`,
    ...lines,
    ...error.warnings.map((warning) => `  ${formatUnknownVariable(warning)}`),
  ].join('\n');
}

export function formatUnknownVariable({ variable, nearest, problem, source }: UnknownVariable): string {
  if (problem !== undefined) return `${variable}: ${problem} (${source})`;
  return `${variable}: not a known variable${nearest === undefined ? '' : `; did you mean ${nearest}?`} (${source})`;
}

export interface ConfigRow {
  variable: string;
  expected: string;
  /** `expected` for a column of a table. */
  summary: string;
  /** As it is written in the environment. */
  default?: string;
  unit?: string;
  example?: string;
  description: string;
  secret: boolean;
  required: boolean;
  /** The effective value, when `describeConfig` has a configuration. */
  value?: string;
}

/** One row per variable, in the schema's order. With `config` each row has the effective value; secrets are ***. */
export function describeConfig<Shape extends z.ZodRawShape>(
  schema: ConfigSchema<Shape>,
  config?: z.output<z.ZodObject<Shape>>,
): ConfigRow[] {
  const values: Record<string, unknown> = config ?? {};
  return Object.entries(schema.object.shape).map(([variable, field]) => {
    const facts = fieldFacts(field);
    const { expected = '', summary = expected, description = '', secret, required, unit, example } = facts;
    const { default: standard } = facts;
    return {
      variable,
      expected,
      summary,
      description,
      secret,
      required,
      ...(standard === undefined ? {} : { default: written(standard, secret) }),
      ...(unit === undefined ? {} : { unit }),
      ...(example === undefined ? {} : { example }),
      ...(values[variable] === undefined ? {} : { value: written(values[variable], secret) }),
    };
  });
}

function written(value: unknown, isSecret: boolean): string {
  if (isSecret || value instanceof Secret) return '***';
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (Array.isArray(value)) return value.map((item) => written(item, false)).join(',');
  if (typeof value === 'object' && value !== null) return JSON.stringify(value);
  return withoutCredentials(String(value));
}

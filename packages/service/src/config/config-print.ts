// Configuration as people read it: the list of mistakes, the table of the docs, the rows of --print-config.
import type { z } from 'zod';
import { withoutCredentials } from './clipped.js';
import type { ConfigSchema, UnknownVariable } from './config.js';
import { fieldFacts } from './config-field.js';
import type { ConfigError } from './errors.js';
import { Secret } from './secret.js';

/** Every mistake on a line of its own, under one sentence. */
export function formatConfigError(error: ConfigError): string {
  const lines = error.mistakes.map(({ variable, problem, got, source }) => {
    const given = got === undefined ? '' : `, got ${got}`;
    return `  ${variable}: ${problem}${given}${source === undefined ? '' : ` (${source})`}`;
  });
  return [`The configuration has ${lines.length === 1 ? 'a mistake' : `${lines.length} mistakes`}:`, ...lines].join(
    '\n',
  );
}

export function formatUnknownVariable({ variable, nearest, source }: UnknownVariable): string {
  return `${variable}: not a known variable${nearest === undefined ? '' : `; did you mean ${nearest}?`} (${source})`;
}

export interface ConfigRow {
  variable: string;
  expected: string;
  /** As one would write it; absent when there is none. */
  default?: string;
  unit?: string;
  example?: string;
  description: string;
  secret: boolean;
  required: boolean;
  /** What is in force, when `describeConfig` was given a configuration. */
  value?: string;
}

/** A row a variable, in the schema's order. With `config` each row also has the value in force; secrets are ***. */
export function describeConfig<Shape extends z.ZodRawShape>(
  schema: ConfigSchema<Shape>,
  config?: z.output<z.ZodObject<Shape>>,
): ConfigRow[] {
  const values: Record<string, unknown> = config ?? {};
  return Object.entries(schema.object.shape).map(([variable, field]) => {
    const { expected = '', description = '', secret, required, unit, example, default: standard } = fieldFacts(field);
    return {
      variable,
      expected,
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

/** The table of the reference page. */
export function markdownTable(rows: readonly ConfigRow[]): string {
  const lines = rows.map((row) => {
    const unit = row.unit === undefined || row.expected.includes(row.unit) ? '' : ` (${row.unit})`;
    const value = row.expected + unit + (row.secret ? `; or \`${row.variable}_FILE\`` : '');
    const standard = row.default === undefined ? (row.required ? '**required**' : '') : `\`${row.default}\``;
    return [`\`${row.variable}\``, value, standard, row.description].map(cell);
  });
  return [['Variable', 'Value', 'Default', 'Meaning'], ['---', '---', '---', '---'], ...lines]
    .map((cells) => `| ${cells.join(' | ')} |\n`)
    .join('');
}

function written(value: unknown, isSecret: boolean): string {
  if (isSecret || value instanceof Secret) return '***';
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (Array.isArray(value)) return value.map((item) => written(item, false)).join(',');
  if (typeof value === 'object' && value !== null) return JSON.stringify(value);
  return withoutCredentials(String(value));
}

// REDIS_URL and its like hold a password before the last @, and some services take one in the query. Passwords with
// unescaped / or ? in them are just what a mistyped URL has, so this does not wait for a URL that parses.

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ');
}

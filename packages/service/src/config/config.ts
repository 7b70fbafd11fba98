// The configuration of an app: one schema whose keys are the environment variables. All mistakes are found at once,
// before anything starts. The caller passes the environment: only run.ts reads process.env, once per process.
import { readFileSync } from 'node:fs';
import { fieldFacts, leftoverOf, settings } from '@fleetbridge/settings';
import { z } from 'zod';
import { clipped } from './clipped.js';
import { ConfigError, type Mistake, type UnknownVariable, unreadable } from './errors.js';
import { editDistance, nearestName } from './nearest-name.js';

export interface ConfigSchema<Shape extends z.ZodRawShape> {
  object: z.ZodObject<Shape>;
  checks: (parsed: Partial<z.output<z.ZodObject<Shape>>>) => Mistake[];
}

/** The type of the configuration that a schema reads. */
export type ConfigOf<Schema> = Schema extends ConfigSchema<infer Shape> ? z.output<z.ZodObject<Shape>> : never;

/**
 * An app's schema. `checks` are the rules between variables: they get the values that are valid and return mistakes.
 * They are a separate function because zod skips an object's refinements as soon as one field fails; the user would see
 * those mistakes only after correcting the others. A check's mistake about a variable that is already in the list is
 * dropped as a consequence of the first.
 */
export function defineConfig<Shape extends z.ZodRawShape>(
  shape: Shape,
  { checks = () => [] }: { checks?: ConfigSchema<Shape>['checks'] } = {},
): ConfigSchema<Shape> {
  return { object: z.object(shape), checks };
}

export interface ConfigSources {
  env: Readonly<Record<string, string | undefined>>;
  /** The values of a file, under the variables' names; `source` is the file's name in messages. */
  fileValues?: { source: string; values: Readonly<Record<string, unknown>> };
  /** A variable that starts with one of these and is not in the schema gets a warning. */
  prefixes?: readonly string[];
}

/**
 * Environment over file over default; an empty text counts as unset. A secret X can come from the file that X_FILE
 * names. Throws `ConfigError` with every mistake. Unknown variables are returned instead: a typo must not stop a service
 * that has run with it for a year.
 */
export function loadConfig<Shape extends z.ZodRawShape>(
  schema: ConfigSchema<Shape>,
  sources: ConfigSources,
): { config: z.output<z.ZodObject<Shape>>; warnings: UnknownVariable[] } {
  const parsed: Record<string, unknown> = {};
  const mistakes: Mistake[] = [];
  const layers = layersOf(sources);

  for (const [variable, field] of Object.entries(schema.object.shape)) {
    const facts = fieldFacts(field);
    const fileVariable = facts.secret && !(`${variable}_FILE` in schema.object.shape) ? `${variable}_FILE` : undefined;
    const found = find(layers, variable, fileVariable);
    if (found !== undefined && 'problem' in found) {
      mistakes.push(found);
      continue;
    }
    const result = z.safeParse(field, found?.value);
    if (result.success) {
      if (result.data !== undefined) parsed[variable] = result.data;
    } else if (found === undefined) {
      mistakes.push({ variable, problem: facts.expected ? `not set; expected ${facts.expected}` : 'not set' });
    } else {
      const { source, value } = found;
      const got = facts.secret ? {} : { got: clipped(value) };
      mistakes.push(
        ...result.error.issues.map((issue) => ({
          variable,
          problem: problemOf(issue, facts.expected),
          ...got,
          source,
        })),
      );
    }
  }

  const isNamed = new Set(mistakes.map(({ variable }) => variable));
  // `parsed` has the schema's output type, without the fields that are in the list of mistakes.
  const partial = parsed as Partial<z.output<z.ZodObject<Shape>>>;
  mistakes.push(...schema.checks(partial).filter(({ variable }) => !isNamed.has(variable)));
  const warnings = [
    ...unknownVariables(schema.object.shape, layers, sources.prefixes ?? []),
    ...quotedValues(Object.keys(parsed), layers),
  ];
  // In the same list: the misspelled name of a variable is often the cause of a mistake.
  if (mistakes.length > 0) throw new ConfigError(mistakes, warnings);
  return { config: partial as z.output<z.ZodObject<Shape>>, warnings };
}

interface Layer {
  source: string;
  values: Readonly<Record<string, unknown>>;
}

function layersOf({ env, fileValues }: ConfigSources): Layer[] {
  return [{ source: 'environment', values: env }, ...(fileValues === undefined ? [] : [fileValues])];
}

function find(
  layers: readonly Layer[],
  variable: string,
  fileVariable: string | undefined,
): { value: unknown; source: string } | Mistake | undefined {
  for (const { source, values } of layers) {
    const value = given(values, variable);
    const path = fileVariable === undefined ? undefined : given(values, fileVariable);
    if (value !== undefined && path !== undefined) {
      // The two secrets can differ, and neither has priority.
      return { variable, problem: `set twice, here and by ${fileVariable}; remove one of them`, source };
    }
    if (value !== undefined) return { value, source };
    if (path !== undefined && fileVariable !== undefined) return fromFile(String(path), fileVariable, source);
  }
  return undefined;
}

function given(values: Readonly<Record<string, unknown>>, variable: string): unknown {
  const value = Object.hasOwn(values, variable) ? values[variable] : undefined;
  // Compose files pass an empty text for an unset variable (`X: ${X:-}`).
  return value === null || (typeof value === 'string' && value.trim() === '') ? undefined : value;
}

function fromFile(path: string, fileVariable: string, source: string): { value: string; source: string } | Mistake {
  const facts = { variable: fileVariable, got: clipped(path), source };
  try {
    // Editors and `echo` end a file with a newline, some begin it with a byte order mark: not part of the secret.
    const value = readFileSync(path, 'utf8').replace(/^\uFEFF|\r?\n$/g, '');
    if (value.trim() !== '') return { value, source: `file ${path}` };
    return { ...facts, problem: 'the file is empty' };
  } catch (cause) {
    return { ...facts, problem: `expected the path of a file that can be read (${unreadable(cause)})` };
  }
}

function problemOf(issue: z.core.$ZodIssue, expected: string | undefined): string {
  // Our values and refinements have their own messages; zod's messages don't explain the variable.
  const sentence = issue.code === 'custom' || expected === undefined ? issue.message : `expected ${expected}`;
  return issue.path.length === 0 ? sentence : `${sentence} at ${issue.path.map(String).join('.')}`;
}

function unknownVariables(
  shape: z.ZodRawShape,
  layers: readonly Layer[],
  prefixes: readonly string[],
): UnknownVariable[] {
  const known = Object.entries(shape).flatMap(([variable, field]) =>
    fieldFacts(field).secret ? [variable, `${variable}_FILE`] : [variable],
  );
  return layers.flatMap(({ source, values }) =>
    Object.keys(values).flatMap((variable) => {
      if (known.includes(variable)) return [];
      if (prefixes.some((prefix) => variable.startsWith(prefix))) {
        const nearest = nearestName(variable, known);
        return [{ variable, ...(nearest === undefined ? {} : { nearest }), source }];
      }
      const nearest = isOfAnyProcess(variable) ? undefined : nearMiss(variable, known);
      return nearest === undefined ? [] : [{ variable, nearest, source }];
    }),
  );
}

/** The environment has variables of other programs: without our prefix only one that is almost ours is reported. */
function nearMiss(variable: string, known: readonly string[]): string | undefined {
  if (!/^[A-Z][A-Z0-9_]{4,}$/.test(variable)) return undefined;
  const nearest = nearestName(variable, known);
  const limit = variable.length < 8 ? 1 : 2;
  return nearest !== undefined && editDistance(variable, nearest) <= limit ? nearest : undefined;
}

function isOfAnyProcess(variable: string): boolean {
  return Object.hasOwn(settings, variable.replace(/_FILE$/, '')) || Object.hasOwn(settings, variable);
}

/** Docker's --env-file and systemd keep quotes and semicolons that a shell would remove. */
function quotedValues(variables: readonly string[], layers: readonly Layer[]): UnknownVariable[] {
  return layers.flatMap(({ source, values }) =>
    variables.flatMap((variable) => {
      const value = given(values, variable);
      const problem = typeof value === 'string' ? leftoverOf(value) : undefined;
      return problem === undefined ? [] : [{ variable, problem, source }];
    }),
  );
}

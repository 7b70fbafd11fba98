// The settings of a subscription as a table for docs/dispatcher.md, made from the schema that validates them.
import { z } from 'zod';
import { subscriptionSchema } from './definition.js';

export function settingsTable(): string {
  const schema = z.toJSONSchema(subscriptionSchema, { io: 'input' }) as Shape;
  const rows = [...rowsOf(schema, '')].map(
    ({ path, fallback, description }) => `| \`${path}\` | ${fallback} | ${description} |`,
  );
  return ['| setting | default | meaning |', '|---|---|---|', ...rows].join('\n');
}

interface Shape {
  properties?: Record<string, Shape>;
  required?: string[];
  anyOf?: Shape[];
  default?: unknown;
  description?: string;
}

function* rowsOf(shape: Shape, prefix: string): Generator<{ path: string; fallback: string; description: string }> {
  for (const [name, one] of Object.entries(shape.properties ?? {})) {
    const path = prefix + name;
    const inner = one.properties ? one : one.anyOf?.find(({ properties }) => properties);
    const isRequired = shape.required?.includes(name) === true;
    const isObject = typeof one.default === 'object' && !Array.isArray(one.default);
    const hasDefault = one.default !== undefined && !isObject;
    const fallback = hasDefault ? `\`${JSON.stringify(one.default)}\`` : isRequired ? 'required' : '';
    yield { path, fallback, description: (one.description ?? '').replaceAll('|', '\\|') };
    if (inner) yield* rowsOf(inner, `${path}.`);
  }
}

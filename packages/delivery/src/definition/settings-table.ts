// The settings of a subscription as a table for docs/dispatcher.md, generated from the schema that validates them.
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
  for (const [name, property] of Object.entries(shape.properties ?? {})) {
    const path = prefix + name;
    const inner = property.properties ? property : property.anyOf?.find(({ properties }) => properties);
    const isRequired = shape.required?.includes(name) === true;
    const isObject = typeof property.default === 'object' && !Array.isArray(property.default);
    const hasDefault = property.default !== undefined && !isObject;
    const fallback = hasDefault ? `\`${JSON.stringify(property.default)}\`` : isRequired ? 'required' : '';
    yield { path, fallback, description: (property.description ?? '').replaceAll('|', '\\|') };
    if (inner) yield* rowsOf(inner, `${path}.`);
  }
}

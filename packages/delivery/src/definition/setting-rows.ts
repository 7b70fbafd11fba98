// The settings that a schema accepts, as rows: for the documentation, and for naming the setting that was meant.
import { z } from 'zod';

/** The paths of all settings of a schema, such as `push.signedToken.audience`. */
export function settingPaths(schema: z.ZodType): string[] {
  return settingRows(schema).map(({ path }) => path);
}

export interface SettingRow {
  path: string;
  fallback: string;
  description: string;
}

export function settingRows(schema: z.ZodType): SettingRow[] {
  return [...rowsOf(z.toJSONSchema(schema, { io: 'input' }) as Shape, '')];
}

interface Shape {
  properties?: Record<string, Shape>;
  required?: string[];
  anyOf?: Shape[];
  default?: unknown;
  description?: string;
}

function* rowsOf(shape: Shape, prefix: string): Generator<SettingRow> {
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

// `key=value` arguments as the body of a vehicle command, with the types of the command's parameters.

import { nearestName } from '@fleetbridge/service';
import { commandSchema, commandTable } from '@fleetbridge/vehicle-command';
import { UsageError } from '../command.js';

/** JSON. Throws a UsageError for an unknown parameter, or a value of another type. */
export function commandBody(name: string, pairs: readonly string[]): string {
  const row = commandTable.get(name)!;
  const { properties } = commandSchema(row);
  const body: Record<string, unknown> = {};
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    if (at < 1) throw new UsageError(`expected key=value, got "${pair}"`);
    const [key, text] = [pair.slice(0, at), pair.slice(at + 1)];
    const type = row.via === 'rest' ? 'any' : properties[key]?.type;
    if (type === undefined) throw unknownParameter(name, key, Object.keys(properties));
    const value = readers[type]!(text);
    if (value === undefined) throw new UsageError(`${key}: expected ${expectations[type]}, got "${text}"`);
    body[key] = value;
  }
  return JSON.stringify(body);
}

const expectations: Record<string, string> = {
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
};

const readers: Record<string, (text: string) => unknown> = {
  number: numberOf,
  integer: (text) => (Number.isSafeInteger(numberOf(text)) ? numberOf(text) : undefined),
  boolean: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
  string: (text) => text,
  any: (text) => {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      return text;
    }
  },
};

function numberOf(text: string): number | undefined {
  const number = text.trim() === '' ? Number.NaN : Number(text);
  return Number.isFinite(number) ? number : undefined;
}

function unknownParameter(name: string, key: string, known: readonly string[]): UsageError {
  const nearest = nearestName(key, known);
  const hint = nearest === undefined ? '' : `; did you mean "${nearest}"?`;
  return new UsageError(
    `${name} has no parameter "${key}"${hint} (parameters: ${known.join(', ') || 'no parameters'})`,
  );
}

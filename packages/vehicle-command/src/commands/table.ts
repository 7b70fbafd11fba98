// Every command by name, and reading a request for one.
import { access } from './access.js';
import { charging } from './charging.js';
import { climate } from './climate.js';
import { media } from './media.js';
import { type Refusal, readParameters } from './parameters.js';
import type { CommandRow, SignedCommand, Values } from './row.js';
import { vehicle } from './vehicle.js';

export const commandTable: ReadonlyMap<string, CommandRow> = new Map(
  [...charging, ...climate, ...access, ...vehicle, ...media].map((row) => [row.name, row]),
);

/** A signed command with the values of its parameters and the bytes to sign. */
export interface PreparedCommand {
  kind: 'prepared';
  row: SignedCommand;
  values: Values;
  payload: Uint8Array;
}

export type CommandRequest = PreparedCommand | Refusal | { kind: 'unknown_command' } | { kind: 'rest_command' };

/** What a request asks for. `nowSeconds` is the id of a schedule that comes without one. */
export function prepareCommand(name: string, body: Record<string, unknown>, nowSeconds: number): CommandRequest {
  const row = commandTable.get(name);
  if (row === undefined) return { kind: 'unknown_command' };
  if (row.via === 'rest') return { kind: 'rest_command' };
  const values = readParameters(row.parameters, body);
  if (isRefusal(values)) return values;
  const payload = row.payload(values, { seconds: nowSeconds });
  return payload instanceof Uint8Array ? { kind: 'prepared', row, values, payload } : payload;
}

/** The parameters in the body of a request: an object, `null` and an empty body are accepted. Else undefined. */
export function readBody(text: string): Record<string, unknown> | undefined {
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    if (value === null) return {};
    return typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function isRefusal(values: Values | Refusal): values is Refusal {
  return values.kind === 'parameter_error';
}

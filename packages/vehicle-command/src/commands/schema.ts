// The parameters of a command as a JSON schema, for OpenAPI and for lists of commands.
import type { Parameter, ParameterType } from './parameters.js';
import type { CommandRow } from './row.js';

export interface CommandSchema {
  type: 'object';
  properties: Record<string, { type: string; description: string; default?: number | boolean | string }>;
  required: string[];
}

/** The body of a request. A command for REST accepts any object. */
export function commandSchema(row: CommandRow): CommandSchema {
  const parameters = row.via === 'signed' ? Object.entries(row.parameters) : [];
  return {
    type: 'object',
    properties: Object.fromEntries(parameters.map(([name, parameter]) => [name, propertyOf(parameter)])),
    required: parameters.filter(([, { isRequired }]) => isRequired).map(([name]) => name),
  };
}

function propertyOf({ type, description, isRequired, fallback }: Parameter) {
  return { type: jsonTypes[type], description, ...(isRequired ? {} : { default: fallback }) };
}

const jsonTypes: Record<ParameterType, string> = {
  number: 'number',
  integer: 'integer',
  id: 'integer',
  boolean: 'boolean',
  string: 'string',
};

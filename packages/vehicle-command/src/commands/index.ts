export { type Confirmation, confirmationsOf } from './confirmation.js';
export type { Parameter, Parameters, ParameterType, Refusal } from './parameters.js';
export type { CommandRow, CommandScope, RepeatClass, RestCommand, SignedCommand, Values } from './row.js';
export { type CommandSchema, commandSchema } from './schema.js';
export { type CommandRequest, commandTable, type PreparedCommand, prepareCommand, readBody } from './table.js';

// Reads protobuf's JSON form, which the Go server publishes with `transmit_decoded_records`. As liberal as protojson: enums
// by name or number, 64-bit integers as text or number, members by either of protobuf's names (`doubleValue`,
// `double_value`). Unknown members are skipped and reported.
import {
  type FieldShape,
  type MessageOf,
  type MessageShape,
  type Timestamp,
  type Topic,
  topicShapes,
} from '../messages/index.js';

/** The JSON is not a message of the topic; `path` is the position of the mistake. */
export class ProtojsonError extends Error {
  readonly path: string;

  constructor(path: string, expected: string) {
    super(`${path === '' ? 'the record' : path}: expected ${expected}`);
    this.name = 'ProtojsonError';
    this.path = path;
  }
}

/** `skipped` are the paths of members and enum names that the schema lacks. Never throws. */
export function fromProtojson<T extends Topic>(
  topic: T,
  json: unknown,
): { message: MessageOf[T]; skipped: string[] } | ProtojsonError {
  const skipped: string[] = [];
  try {
    return { message: readMessage(topicShapes[topic].message, json, '', skipped) as MessageOf[T], skipped };
  } catch (error) {
    if (error instanceof ProtojsonError) return error;
    throw error;
  }
}

type Message = Record<string, unknown>;
/** Replaces a value with an unknown name. */
const UNKNOWN = Symbol('unknown');

function readMessage(shape: MessageShape, json: unknown, path: string, skipped: string[]): Message {
  if (!isObject(json)) throw new ProtojsonError(path, 'an object');
  const message: Message = {};
  for (const [name, value] of Object.entries(json)) {
    const at = path === '' ? name : `${path}.${name}`;
    const field = shape.fields.find((one) => one.json === name || one.proto === name || one.name === name);
    if (field === undefined) skipped.push(at);
    else if (value !== null) {
      const read = readField(field, value, at, skipped);
      if (read !== UNKNOWN) message[field.name] = read;
    }
  }
  return message;
}

function readField(field: FieldShape, value: unknown, path: string, skipped: string[]): unknown {
  if (field.kind === 'map') {
    if (!isObject(value)) throw new ProtojsonError(path, 'an object');
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, readText(one, `${path}.${key}`)]));
  }
  if (!field.isRepeated) return readValue(field, value, path, skipped);
  if (!Array.isArray(value)) throw new ProtojsonError(path, 'a list');
  return value
    .map((one, index) => readValue(field, one, `${path}[${index}]`, skipped))
    .filter((one) => one !== UNKNOWN && !isKeyless(field, one));
}

/** A datum with an unknown key would become one with key 0. */
function isKeyless(field: FieldShape, value: unknown): boolean {
  return field.type.endsWith('.Datum') && !Object.hasOwn(value as object, 'key');
}

function readValue(field: FieldShape, value: unknown, path: string, skipped: string[]): unknown {
  if (field.type === 'google.protobuf.Timestamp') return readTimestamp(value, path);
  if (field.message) return readMessage(field.message, value, path, skipped);
  if (field.kind === 'enum') return readEnum(field, value, path, skipped);
  switch (field.type) {
    case 'string':
      return readText(value, path);
    case 'bool':
      if (typeof value !== 'boolean') throw new ProtojsonError(path, 'true or false');
      return value;
    case 'float':
    case 'double':
      return readNumber(value, path);
    default:
      return readInteger(value, path);
  }
}

function readEnum(field: FieldShape, value: unknown, path: string, skipped: string[]): unknown {
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  if (typeof value !== 'string') throw new ProtojsonError(path, 'the name of an enum value');
  for (const [number, name] of field.enumNames!) if (name === value) return number;
  skipped.push(`${path}=${value}`);
  return UNKNOWN;
}

function readText(value: unknown, path: string): string {
  if (typeof value !== 'string') throw new ProtojsonError(path, 'a text');
  return value;
}

function readNumber(value: unknown, path: string): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'string' && /^(NaN|-?Infinity|[+-]?\d+(\.\d+)?([eE][+-]?\d+)?)$/.test(value))
    return Number(value);
  throw new ProtojsonError(path, 'a number');
}

/** A large 64-bit integer stays text: a JavaScript number would lose its last digits. */
function readInteger(value: unknown, path: string): number | string {
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  if (typeof value === 'string' && /^-?\d{1,20}$/.test(value)) {
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }
  throw new ProtojsonError(path, 'a whole number');
}

function readTimestamp(value: unknown, path: string): Timestamp {
  const match = typeof value === 'string' ? /^(.{19})(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(value) : undefined;
  const wholeMs = match ? Date.parse(`${match[1]}${match[3]}`) : Number.NaN;
  if (Number.isNaN(wholeMs)) throw new ProtojsonError(path, 'a time (RFC 3339)');
  return { seconds: wholeMs / 1000, nanos: Number((match?.[2] ?? '').padEnd(9, '0')) };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

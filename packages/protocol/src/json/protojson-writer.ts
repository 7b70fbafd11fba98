// A decoded message in protobuf's JSON form, as the Go server publishes it with `transmit_decoded_records`: with unpopulated
// fields, enums by name, 64-bit integers and times as text (docs/protocol/vehicle.md#records).

import {
  type FieldShape,
  type MessageShape,
  shortestFloat,
  type Topic,
  timestampMs,
  topicShapes,
} from '../messages/index.js';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Decoded = Record<string, unknown>;

/** `message` is a result of decodeMessage for the topic, transformed or not. */
export function toProtojson(topic: Topic, message: object): { [key: string]: Json } {
  return messageJson(topicShapes[topic].message, message as Decoded);
}

function messageJson(shape: MessageShape, message: Decoded): { [key: string]: Json } {
  const json: { [key: string]: Json } = {};
  for (const field of shape.fields) {
    const isPresent =
      Object.hasOwn(message, field.name) && message[field.name] !== null && message[field.name] !== undefined;
    if (!isPresent && field.isOneofMember) continue;
    json[field.json] = isPresent ? fieldJson(field, message[field.name]) : unpopulated(field);
  }
  return json;
}

function fieldJson(field: FieldShape, value: unknown): Json {
  if (field.isRepeated) return (value as unknown[]).map((one) => valueJson(field, one));
  if (field.kind === 'map') return Object.fromEntries(Object.entries(value as Record<string, string>));
  return valueJson(field, value);
}

function valueJson(field: FieldShape, value: unknown): Json {
  if (field.type === 'google.protobuf.Timestamp') return timestampJson(value as Decoded);
  if (field.kind === 'message') return messageJson(field.message!, value as Decoded);
  if (field.kind === 'enum') return field.enumNames!.get(value as number) ?? (value as number);
  switch (field.type) {
    case 'int64':
      return String(value);
    case 'float':
      return numberJson(shortestFloat(value as number));
    case 'double':
      return numberJson(value as number);
    default:
      return value as Json;
  }
}

function unpopulated(field: FieldShape): Json {
  if (field.isRepeated) return [];
  switch (field.kind) {
    case 'map':
      return {};
    case 'message':
      return null;
    case 'enum':
      return field.enumNames!.get(0) ?? 0;
    case 'scalar':
      return field.type === 'string' ? '' : field.type === 'bool' ? false : field.type === 'int64' ? '0' : 0;
  }
}

/** JSON lacks NaN and infinities; protojson writes them as text. */
function numberJson(value: number): Json {
  return Number.isFinite(value) ? value : String(value);
}

/** RFC 3339 with 0, 3, 6 or 9 decimals, whichever is exact; null outside of the years 1 to 9999. */
function timestampJson(timestamp: Decoded): Json {
  const seconds = Math.floor((timestampMs({ seconds: timestamp.seconds as number, nanos: 0 }) ?? 0) / 1000);
  const nanos = (timestamp.nanos as number | undefined) ?? 0;
  if (seconds < -62_135_596_800 || seconds > 253_402_300_799 || nanos < 0 || nanos > 999_999_999) return null;
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
  let fraction = nanos === 0 ? '' : `.${String(nanos).padStart(9, '0')}`;
  while (fraction.endsWith('000')) fraction = fraction.slice(0, -3);
  return `${whole}${fraction}Z`;
}

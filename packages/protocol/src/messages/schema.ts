// The schema of the messages as lookup tables, built once from the generated schema: by field number for the wire format,
// by name for protojson. Also the known topics with their messages.
import { enums, messages } from '../gen/schema.js';

export interface MessageShape {
  name: string;
  /** Indexed by field number; numbers are small in all of the messages. */
  byNumber: (FieldShape | undefined)[];
  fields: FieldShape[];
  /** For the wire format: the content of a length-delimited value, by field number (OPAQUE if unknown). */
  contents: Uint8Array;
  /** The nested message, if `contents` is MESSAGE. */
  children: (MessageShape | undefined)[];
}

/** Values of `contents`. For packed values the wire type is added: PACKED, PACKED + 1, PACKED + 5. */
export const OPAQUE = 0;
export const TEXT = 1;
export const MESSAGE = 2;
export const PACKED = 3;

export interface FieldShape {
  id: number;
  /** Name in decoded messages (protobufjs). */
  name: string;
  /** Name in protojson. */
  json: string;
  /** Name in the .proto file, which protojson reads too. */
  proto: string;
  kind: 'scalar' | 'enum' | 'message' | 'map';
  /** Scalar type, or the full name of the enum or message. */
  type: string;
  isRepeated: boolean;
  isOneofMember: boolean;
  /** Wire type of one value: 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes. */
  wire: number;
  isText: boolean;
  isPackable: boolean;
  /** The shape of a message, or of a map's entries. */
  message?: MessageShape;
  /** Names of an enum by number. */
  enumNames?: Map<number, string>;
}

export type Topic = 'V' | 'alerts' | 'errors' | 'connectivity';

export interface TopicShape {
  topic: Topic;
  message: MessageShape;
  createdAtField: number;
  vinField: number;
  /** 0 if the message has no VIN. */
  isResendField: number;
}

// a map<string, string> is a repeated message of key 1 and value 2; the schema has no other maps
const mapText = {
  kind: 'scalar',
  type: 'string',
  isRepeated: false,
  isOneofMember: false,
  wire: 2,
  isText: true,
  isPackable: false,
} as const;
const mapEntryFields: FieldShape[] = [
  { id: 1, name: 'key', json: 'key', proto: 'key', ...mapText },
  { id: 2, name: 'value', json: 'value', proto: 'value', ...mapText },
];
const textMapEntry = messageShape('map entry', mapEntryFields);

const shapes = new Map<string, MessageShape>();
const enumNames = new Map(Object.entries(enums).map(([name, values]) => [name, namesByNumber(values)]));

/** The topics with a known payload, and the numbers of the fields that ingest needs. */
export const topicShapes: Record<Topic, TopicShape> = {
  V: topicShape('V', 'telemetry.vehicle_data.Payload'),
  alerts: topicShape('alerts', 'telemetry.vehicle_alerts.VehicleAlerts'),
  errors: topicShape('errors', 'telemetry.vehicle_error.VehicleErrors'),
  connectivity: topicShape('connectivity', 'telemetry.vehicle_connectivity.VehicleConnectivity'),
};

export const topics = Object.keys(topicShapes) as Topic[];

export function isTopic(topic: string): topic is Topic {
  return Object.hasOwn(topicShapes, topic);
}

/** Names of an enum by number, e.g. `enumNamesOf('telemetry.vehicle_data.Field')`. */
export function enumNamesOf(name: keyof typeof enums): ReadonlyMap<number, string> {
  return enumNames.get(name)!;
}

function topicShape(topic: Topic, name: keyof typeof messages): TopicShape {
  const message = shapeOf(name);
  const numberOf = (field: string) => message.fields.find(({ name }) => name === field)?.id ?? 0;
  return {
    topic,
    message,
    createdAtField: numberOf('createdAt'),
    vinField: numberOf('vin'),
    isResendField: numberOf('isResend'),
  };
}

function shapeOf(name: string): MessageShape {
  const known = shapes.get(name);
  if (known) return known;
  const shape = messageShape(name, messages[name as keyof typeof messages].map(fieldShape));
  shapes.set(name, shape);
  return shape;
}

function messageShape(name: string, fields: FieldShape[]): MessageShape {
  const slots = Math.max(0, ...fields.map(({ id }) => id)) + 1;
  const byNumber: MessageShape['byNumber'] = new Array(slots).fill(undefined);
  const children: MessageShape['children'] = new Array(slots).fill(undefined);
  const contents = new Uint8Array(slots);
  for (const field of fields) {
    byNumber[field.id] = field;
    children[field.id] = field.message;
    contents[field.id] = contentOf(field);
  }
  return { name, byNumber, fields, contents, children };
}

function contentOf({ message, isText, isPackable, wire }: FieldShape): number {
  if (message !== undefined) return MESSAGE;
  if (isPackable) return PACKED + wire;
  return isText ? TEXT : OPAQUE;
}

function fieldShape(field: (typeof messages)[keyof typeof messages][number]): FieldShape {
  const isMap = field.label === 'map';
  const shape: FieldShape = {
    id: field.id,
    name: field.name,
    json: field.json,
    proto: field.proto,
    kind: isMap ? 'map' : field.kind,
    type: field.type,
    isRepeated: field.label === 'repeated',
    isOneofMember: field.oneof !== '',
    wire: isMap ? 2 : wireTypeOf(field.kind, field.type),
    isText: field.type === 'string' && !isMap,
    isPackable: field.label === 'repeated' && wireTypeOf(field.kind, field.type) !== 2,
  };
  if (field.kind === 'message') shape.message = shapeOf(field.type);
  if (isMap) shape.message = textMapEntry;
  const names = enumNames.get(field.type);
  if (names) shape.enumNames = names;
  return shape;
}

function wireTypeOf(kind: string, type: string): number {
  if (kind === 'message' || type === 'string' || type === 'bytes') return 2;
  if (type === 'double' || type.endsWith('fixed64')) return 1;
  if (type === 'float' || type.endsWith('fixed32')) return 5;
  return 0;
}

function namesByNumber(values: Record<string, number>): Map<number, string> {
  return new Map(Object.entries(values).map(([name, number]) => [number, name]));
}

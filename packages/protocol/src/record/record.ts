// A record for readers of the log: decoded, transformed, and its signals as plain JavaScript values.

import { toProtojson } from '../json/index.js';
import {
  type Datum,
  decodeMessage,
  enumNamesOf,
  type FieldShape,
  fieldName,
  isTopic,
  type MessageOf,
  type Topic,
  topicShapes,
  type VehicleAlerts,
  type VehicleConnectivity,
  type VehicleData,
  type VehicleErrors,
} from '../messages/index.js';
import { transformAlerts, transformVehicleData } from './transforms.js';

export type DecodedRecord =
  | { topic: 'V'; message: VehicleData }
  | { topic: 'alerts'; message: VehicleAlerts }
  | { topic: 'errors'; message: VehicleErrors }
  | { topic: 'connectivity'; message: VehicleConnectivity };

/** A stored payload can't be decoded. Readers skip and count these records. */
export class RecordDecodeError extends Error {
  readonly topic: string;

  constructor(topic: string, cause: unknown) {
    super(`payload of topic ${topic} can't be decoded: ${cause instanceof Error ? cause.message : cause}`, { cause });
    this.name = 'RecordDecodeError';
    this.topic = topic;
  }
}

/** Decodes and transforms; undefined for a topic without a decoder. Throws RecordDecodeError. */
export function decodeRecord(topic: string, payload: Uint8Array): DecodedRecord | undefined {
  if (!isTopic(topic)) return undefined;
  try {
    return transformed(topic, decodeMessage(topic, payload));
  } catch (cause) {
    throw new RecordDecodeError(topic, cause);
  }
}

/** What the Go server publishes for this record; `{}` for a topic without a decoder. */
export function recordJson(record: DecodedRecord | undefined): object {
  return record === undefined ? {} : toProtojson(record.topic, record.message);
}

/**
 * A signal's value: numbers, text and booleans unchanged (old vehicles send numbers and enums as text), enums by name, a
 * 64-bit integer as a number if that is exact, else as text. null: the vehicle marked it invalid.
 */
export type SignalValue =
  | number
  | string
  | boolean
  | { latitude: number; longitude: number }
  | { hour: number; minute: number; second: number }
  | { [place: string]: boolean }
  | null;

export interface Signal {
  name: string;
  value: SignalValue;
}

/** The signals of a V record, in its order, without data that have no value. */
export function signalsOf(message: VehicleData): Signal[] {
  const signals: Signal[] = [];
  for (const datum of message.data ?? []) {
    const value = signalValue(datum);
    if (value !== undefined) signals.push({ name: fieldName(datum.key ?? 0), value });
  }
  return signals;
}

function signalValue({ value }: Datum): SignalValue | undefined {
  if (!value) return undefined;
  // own properties only: a decoded value has one member, the last one on the wire
  for (const [name, raw] of Object.entries(value)) {
    const member = valueMembers.get(name);
    if (member) return memberValue(member, raw);
  }
  return undefined;
}

function memberValue(member: ValueMember, raw: unknown): SignalValue | undefined {
  if (raw === null || raw === undefined) return undefined;
  if (member.name === 'invalid') return null;
  if (member.kind === 'enum') return member.enumNames!.get(raw as number) ?? (raw as number);
  if (member.kind === 'message') return { ...member.defaults, ...(raw as object) } as SignalValue;
  if (member.type === 'int64') return Number.isSafeInteger(Number(raw)) ? Number(raw) : String(raw);
  return raw as SignalValue;
}

function transformed<T extends Topic>(topic: T, message: MessageOf[T]): DecodedRecord {
  const record = { topic, message } as DecodedRecord;
  if (record.topic === 'V') transformVehicleData(record.message);
  if (record.topic === 'alerts') transformAlerts(record.message);
  return record;
}

const datumShape = topicShapes.V.message.byNumber[1]!.message!;
const valueMembers = new Map(datumShape.byNumber[2]!.message!.fields.map((field) => [field.name, valueMember(field)]));

interface ValueMember extends FieldShape {
  /** The wire format omits false and zero, which are values of the signal. */
  defaults: object;
}

function valueMember(field: FieldShape): ValueMember {
  const defaults = (field.message?.fields ?? []).map(({ name, type }) => [name, type === 'bool' ? false : 0]);
  return { ...field, defaults: Object.fromEntries(defaults) };
}

/** Names of all signals, by number. */
export const signalNames: ReadonlyMap<number, string> = enumNamesOf('telemetry.vehicle_data.Field');

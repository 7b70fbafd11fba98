// Decodes and encodes the messages of the four topics with protobufjs' static code, and converts times. The only file that
// uses the generated code.
import { type google, telemetry } from '../gen/messages.js';
import { enumNamesOf, type Topic } from './schema.js';

export type VehicleData = telemetry.vehicle_data.Payload.$Properties;
export type Datum = telemetry.vehicle_data.Datum.$Properties;
export type Value = telemetry.vehicle_data.Value.$Properties;
export type VehicleAlerts = telemetry.vehicle_alerts.VehicleAlerts.$Properties;
export type VehicleErrors = telemetry.vehicle_error.VehicleErrors.$Properties;
export type VehicleConnectivity = telemetry.vehicle_connectivity.VehicleConnectivity.$Properties;
export type Timestamp = google.protobuf.Timestamp.$Properties;

export interface MessageOf {
  V: VehicleData;
  alerts: VehicleAlerts;
  errors: VehicleErrors;
  connectivity: VehicleConnectivity;
}

export const ShiftState = telemetry.vehicle_data.ShiftState;
export const DetailedChargeState = telemetry.vehicle_data.DetailedChargeStateValue;
export const FastCharger = telemetry.vehicle_data.FastCharger;
export const HvacPowerState = telemetry.vehicle_data.HvacPowerState;
export const ConnectivityEvent = telemetry.vehicle_connectivity.ConnectivityEvent;
/** Number of a signal by name, e.g. `Field.VehicleSpeed`. */
export const Field = telemetry.vehicle_data.Field;

const codecs = {
  V: telemetry.vehicle_data.Payload,
  alerts: telemetry.vehicle_alerts.VehicleAlerts,
  errors: telemetry.vehicle_error.VehicleErrors,
  connectivity: telemetry.vehicle_connectivity.VehicleConnectivity,
};

/** Throws an Error if the bytes are not a message of the topic. Ingest has rejected these bytes (payload-inspector.ts). */
export function decodeMessage<T extends Topic>(topic: T, payload: Uint8Array): MessageOf[T] {
  return codecs[topic].decode(payload) as MessageOf[T];
}

export function encodeMessage<T extends Topic>(topic: T, message: MessageOf[T]): Buffer {
  const codec = codecs[topic] as unknown as { encode(message: MessageOf[T]): { finish(): Uint8Array } };
  const bytes = codec.encode(message).finish();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Name of a signal; `Field_<number>` for a number that the schema lacks. */
export function fieldName(key: number): string {
  return fieldNames.get(key) ?? `Field_${key}`;
}

export function timestampOf(epochMs: number): Timestamp {
  const seconds = Math.floor(epochMs / 1000);
  return { seconds, nanos: Math.round((epochMs - seconds * 1000) * 1e6) };
}

/** Epoch milliseconds, rounded down; undefined without a timestamp. */
export function timestampMs(timestamp: Timestamp | null | undefined): number | undefined {
  if (!timestamp) return undefined;
  return Number(timestamp.seconds ?? 0) * 1000 + Math.floor((timestamp.nanos ?? 0) / 1e6);
}

const fieldNames = enumNamesOf('telemetry.vehicle_data.Field');

// The messages of fleetbridge.v1 from records and states, as plain objects for proto-loader.
import { type SignalValue, signalsOf, signalUnit } from '@fleetbridge/protocol';
import { correctedValue } from '@fleetbridge/vehicle-state';
import type { PresentVehicle } from '../frames/index.js';
import type { LogRecord } from '../records/index.js';

export interface WireTimestamp {
  seconds: number;
  nanos: number;
}

export function recordMessage(record: LogRecord, cursor: string): object {
  const { vin, topic, txid, createdMs, receivedMs, payload } = record.entry;
  const { decoded } = record;
  const at = timestamp(createdMs);
  return {
    cursor,
    vin,
    topic,
    txid,
    created_at: at,
    received_at: timestamp(receivedMs),
    signals: decoded?.topic === 'V' ? signalsOf(decoded.message).map(({ name, value }) => signal(name, value, at)) : [],
    payload,
  };
}

export function vehicleMessage({ vin, state, cursor }: PresentVehicle): object {
  const { readings, connectivity } = state;
  return {
    vin,
    connected: connectivity?.isConnected === true,
    ...(connectivity ? { since: timestamp(connectivity.timeMs) } : {}),
    signals: [...readings]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { timeMs }]) => signal(name, correctedValue(state, name) ?? null, timestamp(timeMs))),
    cursor,
  };
}

/** Epoch milliseconds, rounded up, so that a record at exactly this time is included. */
export function timeMs({ seconds, nanos }: WireTimestamp): number {
  return seconds * 1000 + Math.ceil(nanos / 1e6);
}

function signal(name: string, value: SignalValue, at: WireTimestamp): object {
  return { name, ...wireValue(value), at, unit: signalUnit(name) ?? '' };
}

function wireValue(value: SignalValue): object {
  if (value === null) return { invalid: true };
  if (typeof value === 'number') return { number: value };
  if (typeof value === 'string') return { text: value };
  if (typeof value === 'boolean') return { flag: value };
  return 'latitude' in value ? { location: value } : { json: JSON.stringify(value) };
}

function timestamp(ms: number): WireTimestamp {
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: (ms - seconds * 1000) * 1e6 };
}

// A record of the log as a readable line or as JSON.
import {
  decodeRecord,
  recordJson,
  type SignalValue,
  shortEnumName,
  signalsOf,
  signalUnit,
} from '@fleetbridge/protocol';
import { printable } from '@fleetbridge/service';
import type { LogEntry } from '@fleetbridge/store';
import { localTime } from '../supervisor/index.js';

/** `12:30:01.250  <VIN>  V  VehicleSpeed 42.5 mph · Gear D`; a record that can't be decoded gives the error instead.
 * Values come from vehicles: control characters are escaped. */
export function recordLine(entry: LogEntry): string {
  return printable(`${timeOf(entry.createdMs)}  ${entry.vin}  ${entry.topic.padEnd(12)}  ${contentOf(entry)}`);
}

/** The heading of these lines. */
export const RECORD_HEADING = ['TIME'.padEnd(12), 'VIN'.padEnd(17), 'TOPIC'.padEnd(12), 'RECORD'].join('  ');

/** One JSON object: the entry's id and metadata, and the record as Tesla's server publishes it. */
export function recordJsonLine(entry: LogEntry): string {
  const { id, vin, topic, txid, createdMs, receivedMs } = entry;
  return JSON.stringify({
    id,
    vin,
    topic,
    txid,
    createdMs,
    receivedMs,
    record: recordJson(decodeRecord(topic, entry.payload)),
  });
}

/** The line cut to the width of a terminal; whole where the width is not known. */
export function fitted(line: string, width: number | undefined): string {
  return !width || line.length <= width ? line : `${line.slice(0, width - 1)}…`;
}

function contentOf({ topic, payload }: LogEntry): string {
  try {
    const record = decodeRecord(topic, payload);
    if (record === undefined) return `${payload.length} bytes of an unknown topic`;
    if (record.topic === 'V')
      return signalsOf(record.message)
        .map(({ name, value }) => `${name} ${valueText(name, value)}`)
        .join(' · ');
    if (record.topic === 'connectivity') {
      const { status, networkInterface } = recordJson(record) as { status: string; networkInterface: string };
      return `${status}${networkInterface === '' ? '' : ` via ${networkInterface}`}`;
    }
    if (record.topic === 'alerts') return (record.message.alerts ?? []).map(({ name }) => name).join(' · ');
    return (record.message.errors ?? []).map(({ name, body }) => `${name}: ${body}`).join(' · ');
  } catch (error) {
    return (error as Error).message;
  }
}

function valueText(name: string, value: SignalValue): string {
  if (value === null) return '(invalid)';
  if (typeof value === 'object')
    return Object.entries(value)
      .map(([name, part]) => `${name}=${part}`)
      .join(',');
  const unit = signalUnit(name);
  const text = typeof value === 'number' ? String(Math.round(value * 1e6) / 1e6) : shortEnumName(String(value));
  return unit === undefined ? text : `${text} ${unit}`;
}

/** Local time, as `up` prints it. */
function timeOf(ms: number): string {
  const date = new Date(ms);
  return `${localTime(date)}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

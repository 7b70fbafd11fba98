// A record as MQTT messages on the topics of the Go server: one per signal, per error and per change of connectivity,
// two per alert (docs/protocol/vehicle.md#mqtt). All payloads are JSON.
import {
  type DecodedRecord,
  decodeRecord,
  type Flat,
  fieldName,
  flatAlert,
  flatError,
  recordJson,
  rfc3339,
  timestampMs,
} from '@fleetbridge/protocol';
import type { LogEntry } from '@fleetbridge/store';
import type { KnownVehicle, SignalSelection } from '../shared/index.js';
import { datumJson, goJson, readingJson } from './go-json.js';

export interface MqttMessage {
  topic: string;
  payload: string | Buffer;
  /** The signal that this message publishes, for discovery. */
  signal?: string;
}

export interface PublishedForm {
  /** Prefix of every topic. */
  base: string;
  signals: SignalSelection;
  /** Whether V records are delivered. */
  hasValues: boolean;
  /** Whether connectivity records are delivered. */
  hasPresence: boolean;
}

/** The bytes unchanged for a topic without a decoder. Throws RecordDecodeError. */
export function mqttMessages(
  entry: LogEntry,
  { base, signals }: Pick<PublishedForm, 'base' | 'signals'>,
): MqttMessage[] {
  const record = decodeRecord(entry.topic, entry.payload);
  const of = (path: string) => `${base}/${entry.vin}/${path}`;
  if (record === undefined) return [{ topic: of(levelOf(entry.topic)), payload: entry.payload }];
  switch (record.topic) {
    case 'V':
      return signalMessages(record, { vin: entry.vin, base, signals });
    case 'alerts':
      return alertMessages(record, of);
    case 'errors':
      return (record.message.errors ?? []).map((error) => {
        const { Name, ...facts } = flatError(error, rfc3339);
        return { topic: of(`errors/${levelOf(String(Name))}`), payload: goJson(facts) };
      });
    case 'connectivity': {
      const { status } = recordJson(record) as { status: string | number };
      const { connectionId } = record.message;
      return [presenceMessage(entry.vin, base, { status, connectionId: connectionId ?? '', timeMs: entry.createdMs })];
    }
  }
}

/** The messages of the values that are known of a vehicle, and of its presence. */
export function knownMessages(
  { vin, readings, connectivity }: KnownVehicle,
  { base, signals, hasValues, hasPresence }: PublishedForm,
): MqttMessage[] {
  const messages: MqttMessage[] = [];
  if (connectivity !== undefined && hasPresence) {
    const status = connectivity.isConnected ? 'CONNECTED' : 'DISCONNECTED';
    messages.push(presenceMessage(vin, base, { ...connectivity, status }));
  }
  for (const [name, value] of hasValues ? readings : []) {
    if (signals !== undefined && !signals.has(name)) continue;
    messages.push({ topic: signalTopic(base, vin, name), payload: readingJson(name, value), signal: name });
  }
  return messages;
}

/** Where a signal is published. As on the Go server, one that the schema lacks has its number. */
export function signalTopic(base: string, vin: string, name: string): string {
  return `${base}/${vin}/v/${name.replace(/^Field_/, '')}`;
}

export function presenceTopic(base: string, vin: string): string {
  return `${base}/${vin}/connectivity`;
}

function presenceMessage(
  vin: string,
  base: string,
  { status, connectionId, timeMs }: { status: string | number; connectionId: string; timeMs: number },
): MqttMessage {
  const facts = { ConnectionId: connectionId, CreatedAt: rfc3339(timeMs), Status: String(status) };
  return { topic: presenceTopic(base, vin), payload: goJson(facts) };
}

/** If a record has a signal twice, the last value wins. */
function signalMessages(
  { message }: DecodedRecord & { topic: 'V' },
  { vin, base, signals }: { vin: string; base: string; signals: SignalSelection },
): MqttMessage[] {
  const byName = new Map<string, string>();
  for (const datum of message.data ?? []) {
    const name = fieldName(datum.key ?? 0);
    const json = signals === undefined || signals.has(name) ? datumJson(datum) : undefined;
    if (json !== undefined) byName.set(name, json);
  }
  return [...byName].map(([name, payload]) => ({ topic: signalTopic(base, vin, name), payload, signal: name }));
}

/** Per name the whole list as `history`, and the alert that started last as `current`. */
function alertMessages({ message }: DecodedRecord & { topic: 'alerts' }, of: (path: string) => string): MqttMessage[] {
  const byName = new Map<string, { facts: { [key: string]: Flat }; startedMs: number | undefined }[]>();
  for (const alert of message.alerts ?? []) {
    const name = alert.name ?? '';
    const { Name: _, ...facts } = flatAlert(alert, rfc3339);
    if (Array.isArray(facts.Audiences)) facts.Audiences = facts.Audiences.map(String);
    const list = byName.get(name) ?? [];
    list.push({ facts, startedMs: timestampMs(alert.startedAt) });
    byName.set(name, list);
  }
  const messages: MqttMessage[] = [];
  for (const [name, list] of byName) {
    const path = `alerts/${levelOf(name)}`;
    const startedMs = Math.max(...list.map((alert) => alert.startedMs ?? Number.NEGATIVE_INFINITY));
    const current = list.find((alert) => alert.startedMs === startedMs);
    if (current) messages.push({ topic: of(`${path}/current`), payload: goJson(current.facts) });
    messages.push({ topic: of(`${path}/history`), payload: goJson(list.map(({ facts }) => facts)) });
  }
  return messages;
}

/**
 * A name from a vehicle as one level of a topic: without what has a meaning there, and without what makes a broker end
 * the connection: the record would then be sent again without end.
 */
function levelOf(name: string): string {
  return [...name.replace(NOT_IN_TOPICS, '_')].slice(0, MAX_LEVEL_CHARACTERS).join('') || '_';
}

const MAX_LEVEL_CHARACTERS = 200;
const NOT_IN_TOPICS = /[/+#\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/gu;

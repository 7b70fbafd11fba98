// A record as MQTT messages on the topics of the Go server: one per signal, per error and per change of connectivity,
// two per alert (docs/protocol/vehicle.md#mqtt). All payloads are JSON.
import {
  type DecodedRecord,
  decodeRecord,
  type Flat,
  flatAlert,
  flatError,
  flatRecord,
  flatSignals,
  rfc3339,
} from '@fleetbridge/protocol';
import type { LogEntry } from '@fleetbridge/store';
import type { SignalSelection } from '../shared/index.js';

export interface MqttMessage {
  topic: string;
  payload: string | Buffer;
  /** The signal that this message publishes, for discovery. */
  signal?: { name: string; value: Flat };
}

/** The bytes unchanged for a topic without a decoder. Throws RecordDecodeError. */
export function mqttMessages(entry: LogEntry, base: string, signals?: SignalSelection): MqttMessage[] {
  const record = decodeRecord(entry.topic, entry.payload);
  const of = (path: string) => `${base}/${entry.vin}/${path}`;
  if (record === undefined) return [{ topic: of(levelOf(entry.topic)), payload: entry.payload }];
  switch (record.topic) {
    case 'V':
      return [...flatSignals(record, entry.vin, { invalid: '<invalid>', signals })].map(([name, value]) => ({
        topic: of(`v/${name}`),
        payload: JSON.stringify(value),
        signal: { name, value },
      }));
    case 'alerts':
      return alertMessages(record, of);
    case 'errors':
      return (record.message.errors ?? []).map((error) => ({
        topic: of(`errors/${levelOf(error.name ?? '')}`),
        payload: JSON.stringify(flatError(error, rfc3339)),
      }));
    case 'connectivity': {
      const { ConnectionID, Status, NetworkInterface } = flatRecord(record, entry.vin, { invalid: null }) as Record<
        string,
        Flat
      >;
      const facts = { ConnectionId: ConnectionID, Status, NetworkInterface, CreatedAt: rfc3339(entry.createdMs) };
      return [{ topic: of('connectivity'), payload: JSON.stringify(facts) }];
    }
  }
}

/** Per name the whole list as `history`, and the alert that started last as `current`. */
function alertMessages({ message }: DecodedRecord & { topic: 'alerts' }, of: (path: string) => string): MqttMessage[] {
  const byName = new Map<string, { facts: { [key: string]: Flat }; startedAt: string }[]>();
  for (const alert of message.alerts ?? []) {
    const name = alert.name ?? '';
    const facts = flatAlert(alert, rfc3339);
    const list = byName.get(name) ?? [];
    list.push({ facts, startedAt: 'StartedAt' in facts ? String(facts.StartedAt) : '' });
    byName.set(name, list);
  }
  const messages: MqttMessage[] = [];
  for (const [name, list] of byName) {
    const path = `alerts/${levelOf(name)}`;
    const started = list.filter(({ startedAt }) => startedAt !== '');
    const current = started.reduce<(typeof list)[number] | undefined>(
      (last, one) => (last === undefined || one.startedAt > last.startedAt ? one : last),
      undefined,
    );
    if (current) messages.push({ topic: of(`${path}/current`), payload: JSON.stringify(current.facts) });
    messages.push({ topic: of(`${path}/history`), payload: JSON.stringify(list.map(({ facts }) => facts)) });
  }
  return messages;
}

/** A name as one level of a topic: without the characters that have a meaning there. */
function levelOf(name: string): string {
  return name.replace(/[/+#\0]/g, '_') || '_';
}

// A record as the Go server's logger prints it, for those who read such lines by program: for V one flat object, a
// list for alerts and errors, an object for connectivity. Pure. It holds the location: who asks for it gets it.
import {
  type DecodedRecord,
  decodeRecord,
  recordJson,
  type SignalValue,
  signalsOf,
  timestampMs,
} from '@fleetbridge/protocol';

/** Undefined for a topic whose messages we don't know. Throws RecordDecodeError. */
export function loggedRecord(topic: string, payload: Uint8Array): object | undefined {
  const record = decodeRecord(topic, payload);
  switch (record?.topic) {
    case undefined:
      return undefined;
    case 'V':
      return signalLine(record.message);
    case 'alerts':
      return alertLines(record);
    case 'errors':
      return (record.message.errors ?? []).map(({ name, createdAt, tags, body }) => ({
        Name: name ?? '',
        CreatedAt: seconds(createdAt),
        Tags: tags ?? {},
        Body: body ?? '',
      }));
    case 'connectivity': {
      const { vin, connectionId, networkInterface, createdAt } = record.message;
      const { status } = recordJson(record) as { status: string };
      return {
        Vin: vin ?? '',
        ConnectionID: connectionId ?? '',
        NetworkInterface: networkInterface ?? '',
        Status: status,
        CreatedAt: seconds(createdAt),
      };
    }
  }
}

type MessageOf<Topic> = Extract<DecodedRecord, { topic: Topic }>['message'];

function signalLine(message: MessageOf<'V'>): object {
  const createdAt = new Date(timestampMs(message.createdAt) ?? 0).toISOString().replace(/\.\d{3}Z$/, 'Z');
  return {
    Vin: message.vin ?? '',
    CreatedAt: createdAt,
    IsResend: message.isResend ?? false,
    ...Object.fromEntries(signalsOf(message).map(({ name, value }) => [name, printed(value)])),
  };
}

function printed(value: SignalValue): unknown {
  if (value === null) return '<invalid>';
  if (typeof value !== 'object' || !('hour' in value)) return value;
  return [value.hour, value.minute, value.second].map((part) => String(part).padStart(2, '0')).join(':');
}

function alertLines(record: Extract<DecodedRecord, { topic: 'alerts' }>): object[] {
  // the names of its audiences are protojson's
  const { alerts = [] } = recordJson(record) as { alerts?: { audiences?: string[] }[] };
  return (record.message.alerts ?? []).map(({ name, startedAt, endedAt }, index) => {
    const audiences = alerts[index]?.audiences ?? [];
    return {
      Name: name ?? '',
      Audiences: audiences.length === 0 ? null : audiences,
      ...(startedAt ? { StartedAt: seconds(startedAt) } : {}),
      ...(endedAt ? { EndedAt: seconds(endedAt) } : {}),
    };
  });
}

function seconds(timestamp: Parameters<typeof timestampMs>[0]): number {
  return Math.floor((timestampMs(timestamp) ?? 0) / 1000);
}

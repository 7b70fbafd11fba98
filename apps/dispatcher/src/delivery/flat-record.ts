// A record as flat, readable JSON, as Tesla's server writes it to its log and to MQTT: a key a signal, enums by name,
// times of day as hh:mm:ss, door and tire states as objects.
import {
  type DecodedRecord,
  recordJson,
  type SignalValue,
  signalsOf,
  timestampMs,
  type VehicleAlerts,
  type VehicleErrors,
} from '@fleetbridge/protocol';

export type Flat = null | boolean | number | string | Flat[] | { [key: string]: Flat };

export interface FlatOptions {
  /** What stands for a signal that the vehicle marked invalid; Tesla's server writes `<invalid>`. */
  invalid: Flat;
  /** Only these; undefined: all. */
  signals?: ReadonlySet<string> | undefined;
}

/** One object for V and connectivity, a list for alerts and errors; `{}` for a topic that has no decoder. */
export function flatRecord(record: DecodedRecord | undefined, vin: string, options: FlatOptions): Flat {
  if (record === undefined) return {};
  switch (record.topic) {
    case 'V':
      return {
        Vin: vin,
        CreatedAt: rfc3339(timestampMs(record.message.createdAt)),
        IsResend: record.message.isResend ?? false,
        ...Object.fromEntries(flatSignals(record, vin, options)),
      };
    case 'alerts':
      return (record.message.alerts ?? []).map((alert) => ({
        Name: alert.name ?? '',
        ...alertFacts(alert, unixSeconds),
      }));
    case 'errors':
      return (record.message.errors ?? []).map((error) => ({
        Name: error.name ?? '',
        ...errorFacts(error, unixSeconds),
      }));
    case 'connectivity': {
      const { connectionId, networkInterface, createdAt } = record.message;
      return {
        Vin: vin,
        ConnectionID: connectionId ?? '',
        NetworkInterface: networkInterface ?? '',
        Status: (recordJson(record) as { status: string }).status,
        CreatedAt: unixSeconds(timestampMs(createdAt)),
      };
    }
  }
}

/** Signals of a V record by name. */
export function flatSignals(
  record: DecodedRecord & { topic: 'V' },
  vin: string,
  { invalid, signals }: FlatOptions,
): Map<string, Flat> {
  const flat = new Map<string, Flat>();
  for (const { name, value } of signalsOf(record.message)) {
    if (signals === undefined || signals.has(name)) flat.set(name, value === null ? invalid : flatValue(value, vin));
  }
  return flat;
}

type Alert = NonNullable<VehicleAlerts['alerts']>[number];
type VehicleError = NonNullable<VehicleErrors['errors']>[number];
type TimeText = (epochMs: number | undefined) => Flat;

/** Of an alert, without its name. Times only when it has them. */
export function alertFacts({ startedAt, endedAt, audiences }: Alert, time: TimeText): { [key: string]: Flat } {
  const names = ['Unknown', 'Customer', 'Service', 'ServiceFix'];
  return {
    ...(startedAt ? { StartedAt: time(timestampMs(startedAt)) } : {}),
    ...(endedAt ? { EndedAt: time(timestampMs(endedAt)) } : {}),
    Audiences: audiences?.length ? audiences.map((audience) => names[audience] ?? audience) : null,
  };
}

/** Of an error, without its name. */
export function errorFacts({ createdAt, tags, body }: VehicleError, time: TimeText): { [key: string]: Flat } {
  return {
    Body: body ?? '',
    Tags: tags && Object.keys(tags).length > 0 ? { ...tags } : null,
    ...(createdAt ? { CreatedAt: time(timestampMs(createdAt)) } : {}),
  };
}

/** Whole seconds, UTC. */
export function rfc3339(epochMs: number | undefined): string {
  const date = new Date(epochMs ?? 0);
  return Number.isNaN(date.getTime()) ? '1970-01-01T00:00:00Z' : `${date.toISOString().slice(0, 19)}Z`;
}

export function unixSeconds(epochMs: number | undefined): number {
  return Math.floor((epochMs ?? 0) / 1000);
}

function flatValue(value: Exclude<SignalValue, null>, vin: string): Flat {
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value !== 'object') return value;
  if ('hour' in value) {
    const { hour, minute, second } = value as { hour: number; minute: number; second: number };
    return [hour, minute, second].map((part) => String(part).padStart(2, '0')).join(':');
  }
  if ('latitude' in value) return { ...value } as Flat;
  const places = Object.entries(value as Record<string, boolean>);
  // a tire location has the axles of the Semi too, whose VIN has a T in fourth place
  const isOfTruck = vin[3] === 'T';
  return Object.fromEntries(
    places
      .filter(([place]) => isOfTruck || !place.startsWith('semi'))
      .map(([place, state]) => [placeName(place), state]),
  );
}

/** `driverFront` → `DriverFront`, `semiMiddleAxleLeft_2` → `SemiMiddleAxleLeft2`. */
function placeName(place: string): string {
  return (place[0]?.toUpperCase() + place.slice(1)).replaceAll('_', '');
}

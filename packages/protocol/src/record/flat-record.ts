// A record as flat, readable JSON, in the form of the Go server's logger: one key per signal, enums by name, times of
// day as hh:mm:ss, door and tyre states as objects (docs/protocol/vehicle.md#logger). It contains the location.

import { enumNamesOf, timestampMs, type VehicleAlerts, type VehicleErrors } from '../messages/index.js';
import { type DecodedRecord, recordJson, type SignalValue, signalsOf } from './record.js';

export type Flat = null | boolean | number | string | Flat[] | { [key: string]: Flat };

export interface FlatOptions {
  /** Replaces a signal that the vehicle marked invalid. The Go server's logger writes `<invalid>`. */
  invalid: Flat;
  /** Only these signals; undefined: all. */
  signals?: ReadonlySet<string> | undefined;
}

/** An object for V and connectivity, a list for alerts and errors; `{}` for a topic without a decoder. */
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
      return (record.message.alerts ?? []).map((alert) => flatAlert(alert, unixSeconds));
    case 'errors':
      return (record.message.errors ?? []).map((error) => flatError(error, unixSeconds));
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

/** The signals of a V record by name. */
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
type FormatTime = (epochMs: number | undefined) => Flat;

const audienceNames = enumNamesOf('telemetry.vehicle_alerts.Audience');

/** Has StartedAt and EndedAt only if the alert has them. */
export function flatAlert(alert: Alert, formatTime: FormatTime): { [key: string]: Flat } {
  const { name, startedAt, endedAt, audiences } = alert;
  return {
    Name: name ?? '',
    ...(startedAt ? { StartedAt: formatTime(timestampMs(startedAt)) } : {}),
    ...(endedAt ? { EndedAt: formatTime(timestampMs(endedAt)) } : {}),
    Audiences: audiences?.length ? audiences.map((audience) => audienceNames.get(audience) ?? audience) : null,
  };
}

/** Has CreatedAt only if the error has it. */
export function flatError(
  { name, createdAt, tags, body }: VehicleError,
  formatTime: FormatTime,
): { [key: string]: Flat } {
  return {
    Name: name ?? '',
    Body: body ?? '',
    Tags: tags && Object.keys(tags).length > 0 ? { ...tags } : null,
    ...(createdAt ? { CreatedAt: formatTime(timestampMs(createdAt)) } : {}),
  };
}

/** Whole seconds, UTC. */
export function rfc3339(epochMs: number | undefined): string {
  const date = new Date(epochMs ?? 0);
  return Number.isNaN(date.getTime()) ? '1970-01-01T00:00:00Z' : `${date.toISOString().slice(0, 19)}Z`;
}

function unixSeconds(epochMs: number | undefined): number {
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
  return flatPlaces(value as Record<string, boolean>, vin);
}

/** `driverFront` → `DriverFront`. Tyre states also have the axles of a Semi (VIN with T in the fourth place). */
function flatPlaces(places: Record<string, boolean>, vin: string): { [place: string]: boolean } {
  const isSemi = vin[3] === 'T';
  const flat: { [place: string]: boolean } = {};
  for (const [place, state] of Object.entries(places)) {
    if (isSemi) flat[placeName(semiPlaces[place] ?? place)] = state;
    else if (!place.startsWith('semi')) flat[placeName(place)] = state;
  }
  return flat;
}

/** The vehicle reports the first tyres of a Semi's middle axle as the rear ones. */
const semiPlaces: Record<string, string> = { rearLeft: 'semiMiddleAxleLeft', rearRight: 'semiMiddleAxleRight' };

/** `semiMiddleAxleLeft_2` → `SemiMiddleAxleLeft2`. */
function placeName(place: string): string {
  return (place[0]?.toUpperCase() + place.slice(1)).replaceAll('_', '');
}

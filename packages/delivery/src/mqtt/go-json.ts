// Values as the Go server prints them on MQTT, byte for byte (its getDatumValue and encoding/json;
// docs/protocol/vehicle.md#mqtt).
import { type Datum, type SignalValue, topicShapes } from '@fleetbridge/protocol';
import { signalKind, tyrePlaces } from './signal-kinds.js';

const members = new Map(
  topicShapes.V.message.byNumber[1]!.message!.byNumber[2]!.message!.fields.map((field) => [field.name, field]),
);

/** Enums of which the Go server prints an unknown member as a number. It prints those of all others as text. */
const numberedEnums = new Set(
  `ChargingState HvacAutoModeState CabinOverheatProtectionModeState ClimateOverheatProtectionTempLimit DefrostModeState
  ClimateKeeperModeState HvacPowerState FastCharger CableType TonneauTentModeState TonneauPositionState
  PowershareTypeStatus PowershareState PowershareStopReasonStatus DisplayState DistanceUnit TemperatureUnit PressureUnit
  ChargeUnitPreference`.split(/\s+/),
);

/** The JSON of a datum as the vehicle sent it; undefined without a value. */
export function datumJson({ value }: Datum): string | undefined {
  // own properties only: a decoded value has one member, the last one on the wire
  for (const [name, raw] of Object.entries(value ?? {})) {
    const member = members.get(name);
    if (member === undefined || raw === null || raw === undefined) continue;
    if (name === 'invalid') return 'null';
    if (member.kind === 'enum') return enumJson(member.enumNames!.get(raw as number) ?? (raw as number), member.type);
    if (member.kind === 'message') return placeJson(raw as object, member.message!.fields);
    if (member.type === 'int64') return String(raw);
    return goJson(raw);
  }
  return undefined;
}

/** The JSON of a stored reading of a signal. */
export function readingJson(name: string, value: SignalValue): string {
  const kind = signalKind(name);
  if (kind.kind === 'enum' && Number.isInteger(value)) return enumJson(value as number, kind.enumName);
  if (typeof value !== 'object' || value === null) return goJson(value);
  if (Object.keys(value).some((place) => tyrePlaces.has(place))) return tyresJson(value as Record<string, boolean>);
  if ('hour' in value) return timeJson(value as Time);
  return goJson(value);
}

/** As Go's encoding/json: members in alphabetical order, <, > and & escaped. null for a number that JSON lacks. */
export function goJson(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, escaped);
  if (Object.is(value, -0)) return '-0';
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(goJson).join(',')}]`;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, member]) => `${goJson(name)}:${goJson(member)}`).join(',')}}`;
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function enumJson(value: string | number, enumName: string): string {
  const isNumbered = numberedEnums.has(enumName.slice(enumName.lastIndexOf('.') + 1));
  return typeof value === 'number' && isNumbered ? String(value) : goJson(String(value));
}

type Time = { hour: number; minute: number; second: number };

/** A place, doors, tyres or a time. The wire format omits false and zero, which are values. */
function placeJson(raw: object, fields: readonly { name: string; type: string }[]): string {
  if (fields.some(({ name }) => tyrePlaces.has(name))) return tyresJson(raw as Record<string, boolean>);
  const defaults = fields.map(({ name, type }) => [name, type === 'bool' ? false : 0]);
  const whole = { ...Object.fromEntries(defaults), ...raw };
  return 'hour' in whole ? timeJson(whole as Time) : goJson(whole);
}

/** Only the tyres with a warning, by their names in the schema. */
function tyresJson(places: Record<string, boolean>): string {
  const warnings = Object.entries(places).filter(([, isSet]) => isSet);
  return goJson(Object.fromEntries(warnings.map(([place]) => [tyrePlaces.get(place) ?? place, true])));
}

function timeJson({ hour, minute, second }: Time): string {
  return goJson([hour, minute, second].map((part) => String(part).padStart(2, '0')).join(':'));
}

// Templates with which Home Assistant reads the published values. MQTT carries what the vehicle sent, so the templates
// correct known faults: a second pair of quotes around a text, 0,0 as a place, 999 miles as a range. `None` makes the
// state unknown; a value is never guessed.
import type { SignalKind } from './signal-kinds.js';

/** v: the value without a second pair of quotes. */
const VALUE = `{% set v = value_json %}{% if v is string and v[:1] == '"' and v[-1:] == '"' %}{% set v = v[1:-1] %}{% endif %}`;

/** States of Home Assistant have at most this many characters. */
const MAX_STATE = 255;

export function flagTemplate(isInverted: boolean): string {
  const [on, off] = isInverted ? ['OFF', 'ON'] : ['ON', 'OFF'];
  return `${VALUE}{% set t = v | string | lower %}{{ '${on}' if t == 'true' else '${off}' if t == 'false' else 'None' }}`;
}

const RANGES = new Set(['RatedRange', 'EstBatteryRange', 'IdealBatteryRange']);

/** Some Model S send 999 miles while they don't know the range. */
export function numberTemplate(signal: string): string {
  const unknown = RANGES.has(signal) ? ' or v | float == 999' : '';
  return `${VALUE}{{ 'None' if v is boolean or not is_number(v)${unknown} else v if v is number else v | float }}`;
}

export function enumTemplate({ prefix, options }: Extract<SignalKind, { kind: 'enum' }>): string {
  const list = options.map((option) => `'${option}'`).join(', ');
  const renamed = options.includes('None') ? `'none' if t == 'None' else ` : '';
  return `${VALUE}{% set t = v | string | replace('${prefix}', '', 1) %}{{ 'None' if v is not string else ${renamed}t if t in [${list}] else 'None' }}`;
}

/** `None` as a state means unknown to Home Assistant. */
export function optionOf(member: string): string {
  return member === 'None' ? 'none' : member;
}

/** Epoch seconds as a time with its zone. */
export const timeTemplate = `${VALUE}{{ as_datetime(v | float).isoformat() if v is not boolean and is_number(v) and v | float > 0 else 'None' }}`;

export const presenceTemplate =
  "{{ {'CONNECTED': 'ON', 'DISCONNECTED': 'OFF'}.get(value_json.Status, 'None') if value_json is mapping else 'None' }}";

export function doorTemplate(door: string): string {
  return `{{ 'None' if value_json is not mapping else 'ON' if value_json.get('${door}') else 'OFF' }}`;
}

/** Only tyres with a warning are published. */
export function tyreTemplate(place: string): string {
  return `{{ 'None' if value_json is not mapping else 'ON' if value_json.get('${place}') else 'OFF' }}`;
}

/** 0,0 and off the globe mean that there was no fix: a car keeps its last place, a route has no place. */
export function placeTemplate(signal: string): string {
  const unknown = signal === 'Location' ? '{}' : '{"latitude": null, "longitude": null}';
  const isPlace =
    'value_json is mapping and value_json.latitude is number and value_json.longitude is number and (value_json.latitude != 0 or value_json.longitude != 0) and -90 <= value_json.latitude <= 90 and -180 <= value_json.longitude <= 180';
  return `{% if ${isPlace} %}{{ {'latitude': value_json.latitude, 'longitude': value_json.longitude} | tojson }}{% else %}${unknown}{% endif %}`;
}

/** Objects of signals without a type are shown as JSON. ChargeState has either old words or names of an enum. */
export function textTemplate(signal: string): string {
  const prefix = signal === 'ChargeState' ? " | replace('ChargeState', '', 1)" : '';
  const text = `{% set t = (v if v is string else v | tojson)${prefix} %}`;
  return `${VALUE}${text}{{ 'None' if v | string in ['<invalid>', 'None'] else t if t | length <= ${MAX_STATE} else t[:${MAX_STATE - 1}] ~ '…' }}`;
}

/** A text that is too long for a state, as an attribute. */
export const fullTextTemplate = `${VALUE}{{ {'text': v} | tojson if v is string and v | length > ${MAX_STATE} else '{}' }}`;

// What a row of a section's table is: a field of the vehicle_data document with its type, the signals that decide it and
// what replaces them. The tables are the document; nothing else adds fields to a section.
import type { VehicleState } from '../state.js';
import type { Seed } from './seed.js';

/** `seconds` is a time in epoch seconds. Clients with static types reject `7.0` or text where an integer belongs. */
export type FieldType = 'boolean' | 'integer' | 'float' | 'text' | 'seconds';
export type FieldValue = boolean | number | string | null;

export interface Facts {
  state: Readonly<VehicleState>;
  /** What Tesla or the owner gave for this vehicle. */
  seed: Seed;
  /** Values of vehicle_config that were known once. They stay when telemetry loses them. */
  lastConfig?: Readonly<Record<string, unknown>>;
  nowMs: number;
}

/** How telemetry decides a field. */
export interface Source {
  /** The signals that are read; the newest of them is the age of the field. */
  signals: readonly string[];
  /** The value is computed, not sent by the vehicle in this form. */
  isDerived?: boolean | ((facts: Facts) => boolean);
  /** undefined: telemetry does not know it. null: the document shows that there is no value. */
  read: (facts: Facts) => FieldValue | undefined;
}

export interface FieldOptions {
  /** `first`: the seed has priority, because REST's spelling differs from telemetry's. `last`: it replaces telemetry. */
  seed?: 'first' | 'last';
  /** When neither telemetry nor the seed knows it; default null. */
  otherwise?: FieldValue | ((facts: Facts) => FieldValue);
  /** The field is left out instead of being null. */
  isOptional?: boolean;
}

export type Row = readonly [name: string, type: FieldType, source: Source | undefined, options?: FieldOptions];

export type Origin = 'telemetry' | 'derived' | 'seed' | 'default';

export interface ResolvedField {
  value: FieldValue;
  origin: Origin;
}

/** undefined: the field is left out. */
export function resolveField([name, type, source, options = {}]: Row, section: string, facts: Facts) {
  const seeded = options.seed && typedValue(facts.seed.sections[section]?.[name], type);
  if (options.seed === 'first' && seeded !== undefined && seeded !== null) return resolved(seeded, 'seed');
  const sent = source && typedValue(source.read(facts), type);
  const value = sent ?? lastConfigValue(name, type, section, facts) ?? sent;
  if (value !== undefined) return resolved(value, isDerived(source, facts) ? 'derived' : 'telemetry');
  if (seeded !== undefined) return resolved(seeded, 'seed');
  if (options.otherwise === undefined) return options.isOptional ? undefined : resolved(null, 'default');
  const { otherwise } = options;
  return resolved(typeof otherwise === 'function' ? otherwise(facts) : otherwise, 'default');
}

/** Also when the vehicle sends that there is no value: TeslaMate stores null over what it knew. */
function lastConfigValue(
  name: string,
  type: FieldType,
  section: string,
  { lastConfig }: Facts,
): FieldValue | undefined {
  return section === 'vehicle_config' && lastConfig !== undefined ? typedValue(lastConfig[name], type) : undefined;
}

function isDerived(source: Source | undefined, facts: Facts): boolean {
  const derived = source?.isDerived ?? false;
  return typeof derived === 'function' ? derived(facts) : derived;
}

function resolved(value: FieldValue, origin: Origin): ResolvedField {
  return { value, origin };
}

/** The value in its type; undefined for a value that is not of this type. */
export function typedValue(value: unknown, type: FieldType): FieldValue | undefined {
  if (value === null) return null;
  switch (type) {
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined;
    case 'text':
      return typeof value === 'string' ? value : undefined;
    case 'float':
      return isNumber(value) ? value + 0 : undefined;
    default: {
      const whole = isNumber(value) ? roundHalfAway(value) : undefined;
      return Number.isSafeInteger(whole) ? whole : undefined;
    }
  }
}

/** ±7.5 becomes ±8, as in frames: both are stored in one column. Never -0. */
export function roundHalfAway(value: number): number {
  return Math.sign(value) * Math.round(Math.abs(value)) + 0;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

// Checks a vehicle_data response as clients with static types do: one wrong type anywhere and they reject the document.
import { vehicleDataFields } from './vehicle-data-fields.js';

interface Expected {
  type: string;
  isNullable: boolean;
  values: string[] | undefined;
}

const expected = new Map(vehicleDataFields.trim().split('\n').map(parseLine));
/** TeslaMate rejects a response that lacks one of them. */
const REQUIRED_SECTIONS = ['charge_state', 'climate_state', 'drive_state', 'vehicle_config', 'vehicle_state'];

/** What is wrong with the `response` of a vehicle_data request, as sentences. */
export function vehicleDataMistakes(response: unknown): string[] {
  if (typeof response !== 'object' || response === null) return ['response: expected an object'];
  const document = response as Record<string, unknown>;
  const missing = REQUIRED_SECTIONS.filter((name) => typeof document[name] !== 'object' || document[name] === null);
  return [
    ...missing.map((name) => `${name}: missing`),
    ...objectMistakes('vehicle', document, (name) => name in document && isSection(name)),
    ...[...REQUIRED_SECTIONS, 'gui_settings'].flatMap((name) => sectionMistakes(name, document[name])),
    ...timestampMistakes(document),
  ];
}

/** What is wrong with an entry of products, or with the `response` of a request for one vehicle. */
export function vehicleMistakes(vehicle: unknown): string[] {
  const sections = Object.keys(vehicle as object).filter(isSection);
  return [
    ...sections.map((name) => `${name}: a vehicle without vehicle_data has no sections`),
    ...objectMistakes('vehicle', vehicle as Record<string, unknown>, () => false),
  ];
}

function sectionMistakes(section: string, value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const fields = value as Record<string, unknown>;
  const inner = Object.keys(fields).filter((name) => typeof fields[name] === 'object' && fields[name] !== null);
  return [
    ...objectMistakes(section, fields, () => false),
    ...inner.flatMap((name) => sectionMistakes(`${section}.${name}`, fields[name])),
  ];
}

function objectMistakes(
  section: string,
  fields: Record<string, unknown>,
  isOther: (name: string) => boolean,
): string[] {
  const own = [...expected].filter(([key, { isNullable }]) => key.startsWith(`${section} `) && !isNullable);
  const absent = own.filter(([key]) => !(key.slice(section.length + 1) in fields));
  return [
    ...absent.map(([key]) => `${key}: missing`),
    ...Object.entries(fields).flatMap(([name, value]) => (isOther(name) ? [] : fieldMistakes(section, name, value))),
  ];
}

function fieldMistakes(section: string, name: string, value: unknown): string[] {
  const key = `${section} ${name}`;
  const field = expected.get(key);
  if (field === undefined) return [`${key}: unknown field`];
  if (value === null) return field.isNullable ? [] : [`${key}: null`];
  if (!hasType(value, field.type)) return [`${key}: expected ${field.type}, got ${JSON.stringify(value)}`];
  const isListed = field.values === undefined || field.values.includes(String(value));
  return isListed ? [] : [`${key}: expected one of ${field.values?.join(', ')}, got ${JSON.stringify(value)}`];
}

function hasType(value: unknown, type: string): boolean {
  if (type === 'integer') return Number.isSafeInteger(value);
  if (type === 'number') return Number.isFinite(value);
  if (type === 'text') return typeof value === 'string';
  if (type === 'array') return Array.isArray(value);
  return typeof value === type;
}

function timestampMistakes(document: Record<string, unknown>): string[] {
  const times = [...REQUIRED_SECTIONS, 'gui_settings'].map(
    (name) => (document[name] as { timestamp?: unknown } | undefined)?.timestamp,
  );
  return new Set(times).size === 1 ? [] : [`timestamp: expected one for all sections, got ${times.join(', ')}`];
}

function isSection(name: string): boolean {
  return REQUIRED_SECTIONS.includes(name) || name === 'gui_settings';
}

function parseLine(line: string): [string, Expected] {
  const [section, field, type = '', ...values] = line.split(' ');
  const list = values.join(' ');
  return [
    `${section} ${field}`,
    { type: type.replace('!', ''), isNullable: !type.endsWith('!'), values: list === '' ? undefined : list.split('|') },
  ];
}

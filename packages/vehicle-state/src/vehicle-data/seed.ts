// What telemetry does not know of a vehicle: a vehicle_data document that was saved once. Only fields whose rows allow it
// are read from it, so an old seed never shows an old charge level or position.

/** Fields by section; the objects inside vehicle_state are sections of their own, `vehicle_state.media_state`. */
export type SeedSections = Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>;

export interface Seed {
  vin: string;
  sections: SeedSections;
}

const SECTIONS = ['charge_state', 'climate_state', 'drive_state', 'gui_settings', 'vehicle_config', 'vehicle_state'];
const VEHICLE_FIELDS =
  'id id_s user_id vehicle_id vin display_name access_type calendar_enabled api_version ble_autopair_enrolled command_signing release_notes_supported mobile_access_disabled share_type_s supercharger_payment_needed supercharging_enabled option_codes'.split(
    ' ',
  );

/** A vehicle of which only the VIN is known. */
export function emptySeed(vin: string): Seed {
  return { vin, sections: {} };
}

/** A saved document is not a vehicle_data document. */
export class SeedError extends Error {
  override readonly name = 'SeedError';
}

/**
 * The seed in a saved document, with or without the envelope `response`. `vin` is for a document without one. Throws
 * SeedError.
 */
export function parseSeed(text: string, vin?: string): Seed {
  const document = objectOf(parsedJson(text));
  const response = objectOf(document?.response) ?? document;
  if (response === undefined) throw new SeedError('expected a vehicle_data document: a JSON object');
  const ownVin = typeof response.vin === 'string' && response.vin !== '' ? response.vin : vin;
  if (ownVin === undefined) throw new SeedError('the document has no vin; name the vehicle');
  if (vin !== undefined && ownVin !== vin)
    throw new SeedError(`the document is of the vehicle ${ownVin}, not of ${vin}`);
  const known = SECTIONS.filter((name) => objectOf(response[name]) !== undefined);
  if (known.length === 0) throw new SeedError(`expected a vehicle_data document with ${SECTIONS.join(', ')}`);
  return { vin: ownVin, sections: sectionsOf(response, text, known) };
}

function sectionsOf(response: Readonly<Record<string, unknown>>, text: string, known: readonly string[]): SeedSections {
  const sections: Record<string, Readonly<Record<string, unknown>>> = {
    vehicle: { ...picked(response, VEHICLE_FIELDS), ...exactIds(response, text) },
  };
  for (const name of known) {
    const section = objectOf(response[name])!;
    sections[name] = section;
    if (name !== 'vehicle_state') continue;
    for (const [inner, value] of Object.entries(section)) {
      const object = objectOf(value);
      if (object) sections[`${name}.${inner}`] = object;
    }
  }
  return sections;
}

/** Ids have up to 17 digits: JSON.parse rounds those above 2^53. */
function exactIds(response: Readonly<Record<string, unknown>>, text: string): Record<string, unknown> {
  const digits = typeof response.id_s === 'string' ? response.id_s : /"id"\s*:\s*(\d+)/.exec(text)?.[1];
  const id = Number(digits);
  return { id: digits !== undefined && Number.isSafeInteger(id) ? id : undefined };
}

function picked(object: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.filter((name) => object[name] !== undefined).map((name) => [name, object[name]]));
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    throw new SeedError('expected a vehicle_data document; it is not valid JSON');
  }
}

// Tesla's answers in our form. A field that Tesla documents as optional may be absent; one that is needed must be valid.
import { type Endpoint, isObject, type JsonObject, notValid } from '../calls/index.js';
import { type ConfigurationState, type Problem, problemOfReport, problemOfSkipped } from '../errors/index.js';

export interface VehicleSummary {
  readonly vin: string;
  /** As text: the number is too large for JavaScript. */
  readonly id: string | undefined;
  readonly displayName: string | undefined;
  /** online, asleep or offline. */
  readonly state: string | undefined;
  /** OWNER or DRIVER. */
  readonly accessType: string | undefined;
}

export interface VehicleStatus {
  readonly vin: string;
  readonly isKeyPaired: boolean;
  readonly firmware: string | undefined;
  readonly telemetryVersion: string | undefined;
  readonly keys: number | undefined;
  readonly isCommandProtocolRequired: boolean | undefined;
  /** Undefined: the vehicle has no switch for it. */
  readonly isStreamingAllowed: boolean | undefined;
}

export interface SentConfiguration {
  readonly updated: number;
  readonly skipped: readonly SkippedVehicle[];
}

export interface SkippedVehicle {
  readonly vin: string;
  /** Tesla's word. */
  readonly reason: string;
  readonly problem: Problem;
}

export interface TelemetryReport {
  readonly vin: string;
  readonly errorName: string;
  readonly error: string;
  /** As Tesla writes it. */
  readonly createdAt: string | undefined;
  /** Undefined: Tesla's text must do. */
  readonly problem: Problem | undefined;
}

export function responseOf(answer: JsonObject, endpoint: Endpoint): JsonObject {
  if (!isObject(answer.response)) throw notValid(endpoint, 'response');
  return answer.response;
}

/** Entries without a VIN are other products. */
export function vehiclesOf(answer: JsonObject, endpoint: Endpoint): VehicleSummary[] {
  const { response } = answer;
  if (!Array.isArray(response)) throw notValid(endpoint, 'a list');
  return response.filter(isObject).flatMap((entry) => summaryOf(entry) ?? []);
}

export function summaryOf({ vin, id_s, display_name, state, access_type }: JsonObject): VehicleSummary | undefined {
  if (typeof vin !== 'string') return undefined;
  return {
    vin: vin.toUpperCase(),
    id: textOf(id_s),
    displayName: textOf(display_name),
    state: textOf(state),
    accessType: textOf(access_type),
  };
}

/** Of each vehicle that was asked for: one that Tesla does not name as paired is not. */
export function statusesOf(response: JsonObject, asked: readonly string[]): VehicleStatus[] {
  const paired = vinsOf(response.key_paired_vins);
  const vins = new Set([...paired, ...vinsOf(response.unpaired_vins), ...asked]);
  const infos = isObject(response.vehicle_info) ? Object.entries(response.vehicle_info) : [];
  return [...vins].map((vin) => {
    const [, info] = infos.find(([name]) => name.toUpperCase() === vin) ?? [];
    return { vin, isKeyPaired: paired.includes(vin), ...infoOf(isObject(info) ? info : {}) };
  });
}

function infoOf(info: JsonObject): Omit<VehicleStatus, 'vin' | 'isKeyPaired'> {
  const { total_number_of_keys: keys } = info;
  return {
    firmware: textOf(info.firmware_version),
    telemetryVersion: textOf(info.fleet_telemetry_version),
    keys: typeof keys === 'number' ? keys : undefined,
    isCommandProtocolRequired: flagOf(info.vehicle_command_protocol_required),
    isStreamingAllowed: flagOf(info.safety_screen_streaming_toggle_enabled),
  };
}

export function sentConfigurationOf(response: JsonObject, endpoint: Endpoint): SentConfiguration {
  const { updated_vehicles, skipped_vehicles } = response;
  const updated = Array.isArray(updated_vehicles) ? updated_vehicles.length : Number(updated_vehicles ?? Number.NaN);
  if (Number.isNaN(updated)) throw notValid(endpoint, 'updated_vehicles');
  const byReason = isObject(skipped_vehicles) ? Object.entries(skipped_vehicles) : [];
  const skipped = byReason.flatMap(([reason, vins]) =>
    vinsOf(vins).map((vin) => ({ vin, reason, problem: problemOfSkipped(reason) })),
  );
  return { updated, skipped };
}

/** Without a configuration there may be nothing else. */
export const noConfiguration: ConfigurationState = {
  synced: false,
  config: undefined,
  limitReached: false,
  keyPaired: undefined,
};

export function configurationStateOf({ response }: JsonObject, endpoint: Endpoint): ConfigurationState {
  if (response === null) return noConfiguration;
  if (!isObject(response) || !('synced' in response || 'config' in response)) throw notValid(endpoint, 'synced');
  const { synced, config, limit_reached, key_paired } = response;
  return {
    synced: synced === true,
    config: isObject(config) && Object.keys(config).length > 0 ? config : undefined,
    limitReached: limit_reached === true,
    keyPaired: flagOf(key_paired),
  };
}

export function reportsOf(answer: JsonObject, endpoint: Endpoint): TelemetryReport[] {
  return listOf(answer, ['fleet_telemetry_errors'], endpoint)
    .filter(isObject)
    .flatMap((entry) => {
      const [vin] = vinsOf([entry.vin]);
      if (vin === undefined) return [];
      const texts = { error: textOf(entry.error) ?? '', errorName: textOf(entry.error_name) ?? '' };
      return { vin, ...texts, createdAt: textOf(entry.created_at), problem: problemOfReport(texts) };
    });
}

export function reportedVinsOf(answer: JsonObject, endpoint: Endpoint): string[] {
  return vinsOf(listOf(answer, ['vins', 'fleet_telemetry_error_vins'], endpoint));
}

/** Documented in several forms: in the response by name, as the response, and without one. Null is an empty list. */
function listOf(answer: JsonObject, names: readonly string[], endpoint: Endpoint): unknown[] {
  const { response = answer } = answer;
  const list = isObject(response) ? names.map((name) => response[name]).find((value) => value !== undefined) : response;
  if (list === null) return [];
  if (!Array.isArray(list)) throw notValid(endpoint, names.join(' or '));
  return list;
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
const flagOf = (value: unknown): boolean | undefined => (typeof value === 'boolean' ? value : undefined);
const vinsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((entry) => typeof entry === 'string').map((vin) => vin.toUpperCase()) : [];

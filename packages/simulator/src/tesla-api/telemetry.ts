// Telemetry configurations: what is checked when one is sent, when the vehicle has it, and the errors of vehicles.
import { readConfigToken } from '../config-token/index.js';
import type { VehicleError } from '../configured-vehicle/index.js';
import type { Clock } from '../vehicle/index.js';
import {
  type Account,
  isPaired,
  rootOf,
  type StandInVehicle,
  type StoredConfig,
  type VehicleState,
} from './account.js';
import { type Answer, type ApiRequest, failure, isObject, readBody, success } from './answer.js';
import { registrationsOf } from './partner.js';

export const MISSING_SCOPES = 'Unauthorized missing scopes';

/** `hasLocation`: the token has the scope vehicle_location. */
export function createConfig(
  account: Account,
  clock: Clock,
  request: ApiRequest,
  { hasLocation }: { hasLocation: boolean },
): Answer {
  const body = readBody(request.body);
  if (body === undefined || !Array.isArray(body.vins) || typeof body.token !== 'string') {
    return failure(400, 'vins and token are required');
  }
  const token = readConfigToken(body.token);
  if (typeof token === 'string') return failure(400, `invalid token: ${token}`);
  const { claims } = token;
  const problem = claimsProblem(claims);
  if (problem !== undefined) return failure(400, problem);
  const vins = body.vins.map(String);
  if (!isForVehicles(claims.aud, vins)) return failure(400, 'invalid token: aud does not name the vehicles');
  const domains = registrationsOf(account, request.region);
  const hostname = String(claims.hostname);
  if (![...domains.keys()].some((domain) => rootOf(domain) === rootOf(hostname))) {
    return failure(400, 'hostname domain does not match with partner account');
  }
  if (!hasLocation && usesLocation(claims.fields)) return failure(403, MISSING_SCOPES);
  if (account.state.isLimitReached) return failure(403, 'limit_reached');

  const skipped: Record<string, string[]> = {
    missing_key: [],
    unsupported_hardware: [],
    unsupported_firmware: [],
    max_configs: [],
  };
  let updated = 0;
  for (const vin of vins) {
    const vehicle = account.vehicles.get(vin);
    const reason = vehicle === undefined ? 'missing_key' : skipReason(account, vehicle);
    if (reason !== undefined) {
      skipped[reason]!.push(vin);
      continue;
    }
    updated++;
    store(account, clock, vehicle!, { token: body.token, claims });
  }
  return success({ updated_vehicles: updated, skipped_vehicles: skipped });
}

export function getConfig(account: Account, vehicle: StandInVehicle): Answer {
  const { config } = vehicle;
  return success({
    synced: config?.isSynced ?? false,
    config: config === undefined || config.isRefused ? null : withoutAudience(config.claims),
    limit_reached: account.state.isLimitReached,
    key_paired: isPaired(account, vehicle),
    update_available: false,
  });
}

export async function deleteConfig(vehicle: StandInVehicle): Promise<Answer> {
  const updated = vehicle.config === undefined ? 0 : 1;
  await removeConfig(vehicle);
  return success({ updated_vehicles: updated });
}

export async function removeConfig(vehicle: StandInVehicle): Promise<void> {
  vehicle.cancelSync();
  vehicle.config = undefined;
  await vehicle.car.remove();
}

/** A sleeping vehicle gets its configuration when it is awake again. */
export function syncWhenAwake(account: Account, clock: Clock, vehicle: StandInVehicle): void {
  // of one that has its configuration it would cancel the expiry
  if (vehicle.config === undefined || vehicle.config.isSynced) return;
  vehicle.cancelSync();
  if (!vehicle.state.isAwake) return;
  vehicle.cancelSync = clock.after(vehicle.state.syncDelayMs, () => {
    void sync(account, clock, vehicle);
  });
}

/** Changes switches, with their effect on a configuration that the vehicle has. */
export function changeVehicle(
  account: Account,
  clock: Clock,
  vehicle: StandInVehicle,
  change: Partial<VehicleState>,
): void {
  const { state, car } = vehicle;
  const before = { ...state };
  Object.assign(state, change);
  if (state.firmware !== before.firmware) car.install(state.firmware);
  if (state.isAwake !== before.isAwake) car.setAwake(state.isAwake);
  const isReconnected =
    state.isStreamingAllowed !== before.isStreamingAllowed ||
    state.hasClientCertificate !== before.hasClientCertificate;
  if (isReconnected && vehicle.config?.isSynced && !vehicle.config.isRefused) void applyConfig(vehicle, vehicle.config);
  syncWhenAwake(account, clock, vehicle);
}

export function addError(account: Account, clock: Clock, vin: string, { name, text }: VehicleError): void {
  account.errors.push({
    name: account.application.clientId,
    error: text,
    error_name: name,
    vin,
    created_at: new Date(clock.now()).toISOString(),
  });
  account.errors.splice(0, account.errors.length - MAX_ERRORS);
}

const MAX_ERRORS = 200;
const MAX_CONFIGS = 3;
const LONGEST_TIMER_MS = 86_400_000;

async function sync(account: Account, clock: Clock, vehicle: StandInVehicle): Promise<void> {
  const { config, state } = vehicle;
  if (config === undefined) return;
  if (state.refusesConfig) {
    addError(account, clock, vehicle.vin, {
      name: 'config_manager_error',
      text: 'config_manager_error: unable to apply',
    });
    await vehicle.car.remove();
    config.isRefused = true;
  } else {
    await applyConfig(vehicle, config);
  }
  if (vehicle.config !== config) return;
  config.isSynced = true;
  if (!config.isRefused) expire(account, clock, vehicle);
}

async function applyConfig({ state, car, pairedKeys }: StandInVehicle, config: StoredConfig): Promise<void> {
  if (state.isStreamingAllowed) {
    config.isRefused = (await car.apply(config.token, pairedKeys)) === 'refused';
  } else {
    await car.remove();
    config.isRefused = false;
  }
}

/** Ends the configuration at its `exp`. */
function expire(account: Account, clock: Clock, vehicle: StandInVehicle): void {
  const { exp } = vehicle.config?.claims ?? {};
  if (typeof exp !== 'number') return;
  const leftMs = exp * 1_000 - clock.now();
  if (leftMs <= 0) {
    void removeConfig(vehicle);
    return;
  }
  vehicle.cancelSync = clock.after(Math.min(leftMs, LONGEST_TIMER_MS), () => expire(account, clock, vehicle));
}

function store(
  account: Account,
  clock: Clock,
  vehicle: StandInVehicle,
  { token, claims }: { token: string; claims: Readonly<Record<string, unknown>> },
): void {
  vehicle.cancelSync();
  vehicle.config = { token, claims, isSynced: false, isRefused: false };
  syncWhenAwake(account, clock, vehicle);
}

function skipReason(account: Account, vehicle: StandInVehicle): string | undefined {
  const { isHardwareSupported, firmware, otherConfigs } = vehicle.state;
  if (!isPaired(account, vehicle)) return 'missing_key';
  if (!isHardwareSupported) return 'unsupported_hardware';
  if (isOlder(firmware, [2024, 26])) return 'unsupported_firmware';
  return otherConfigs >= MAX_CONFIGS ? 'max_configs' : undefined;
}

function isOlder(firmware: string, [year, week]: readonly [number, number]): boolean {
  const [ownYear = 0, ownWeek = 0] = firmware.split('.').map(Number);
  return ownYear < year || (ownYear === year && ownWeek < week);
}

/** A port as text passes, as at Tesla. */
function claimsProblem({ hostname, port, ca, fields }: Readonly<Record<string, unknown>>): string | undefined {
  if (typeof hostname !== 'string' || hostname === '') return 'hostname is required';
  if (typeof port !== 'string' && !(Number.isInteger(port) && Number(port) > 0 && Number(port) < 65_536)) {
    return 'port is invalid';
  }
  if (typeof ca !== 'string' || ca === '') return 'ca is required';
  if (!isObject(fields) || Object.keys(fields).length === 0) return 'fields is required';
  for (const [name, field] of Object.entries(fields)) {
    if (!isObject(field) || !(Number(field.interval_seconds) >= 1))
      return `${name}: interval_seconds must be 1 or more`;
  }
  return undefined;
}

function isForVehicles(aud: unknown, vins: readonly string[]): boolean {
  if (aud === 'com.tesla.fleet.TelemetryClient') return true;
  return vins.length > 0 && vins.every((vin) => aud === `com.tesla.vehicle.${vin}.TelemetryClient`);
}

function usesLocation(fields: unknown): boolean {
  return Object.entries(fields as Record<string, { include_fields?: unknown }>).some(([name, { include_fields }]) => {
    const names = [name, ...(Array.isArray(include_fields) ? include_fields.map(String) : [])];
    return names.some((field) => /Location$/.test(field));
  });
}

function withoutAudience({ iss: _iss, aud: _aud, ...config }: Readonly<Record<string, unknown>>) {
  return config;
}

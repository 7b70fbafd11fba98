// The answer to one request: token and scope, region, then the endpoint.
import type { Clock } from '../vehicle/index.js';
import { type Account, findVehicle, type StandInVehicle } from './account.js';
import { type Answer, type ApiRequest, failure, type Region, readBody, success } from './answer.js';
import type { VehicleCommands } from './commands.js';
import type { Endpoint, EndpointMatch } from './endpoints.js';
import { type FetchPublicKey, pair, publicKey, register, registrationsOf } from './partner.js';
import { authorize, token } from './sign-in.js';
import { changeVehicle, createConfig, deleteConfig, getConfig, MISSING_SCOPES } from './telemetry.js';
import type { AccessToken, Tokens } from './tokens.js';
import { fleetStatus, listVehicles, oneVehicle, products, vehicleData } from './vehicles.js';

/** Receives what Tesla passes on to the vehicle. Default: the vehicle executes it. */
export type OnSignedCommand = (vin: string, body: string) => Answer | Promise<Answer>;
export type OnCommand = (vin: string, command: string, body: string) => Answer | Promise<Answer>;

export interface ApiContext {
  readonly account: Account;
  readonly tokens: Tokens;
  readonly clock: Clock;
  readonly fetchPublicKey: FetchPublicKey;
  readonly commands: VehicleCommands;
  readonly onSignedCommand: OnSignedCommand | undefined;
  readonly onCommand: OnCommand | undefined;
  readonly documentOf: (vin: string) => object;
  readonly baseUrlOf: (region: Region) => string;
}

export function respond(context: ApiContext, request: ApiRequest, match: EndpointMatch): Answer | Promise<Answer> {
  const { account, tokens } = context;
  const { endpoint } = match;
  if (endpoint === 'authorize') return authorize(account, tokens, request);
  if (endpoint === 'token') return token(account, tokens, request);
  if (endpoint === 'pairing') return approve(account, request, match.vehicle!);
  if (account.state.isDisabled) return failure(403, 'account disabled: EXCEEDED_LIMIT');

  const bearer = /^Bearer (.+)$/.exec(request.authorization ?? '')?.[1];
  const access = bearer === undefined ? undefined : tokens.access(bearer);
  if (access === undefined) return failure(401, 'invalid bearer token', 'token expired or unknown');
  const { kind, scopes } = rules[endpoint];
  if (access.kind !== kind) return failure(403, `requires a ${kind} token`);
  if (scopes.length > 0 && !scopes.some((scope) => access.scopes.includes(scope))) return failure(403, MISSING_SCOPES);
  return kind === 'partner' ? partnerAnswer(context, request, endpoint) : ownerAnswer(context, request, match, access);
}

/** An endpoint needs one of these scopes. */
const rules: Record<
  Exclude<Endpoint, 'authorize' | 'token' | 'pairing'>,
  { kind: AccessToken['kind']; scopes: string[] }
> = {
  register: { kind: 'partner', scopes: [] },
  public_key: { kind: 'partner', scopes: [] },
  telemetry_errors: { kind: 'partner', scopes: [] },
  telemetry_error_vins: { kind: 'partner', scopes: [] },
  region: { kind: 'owner', scopes: [] },
  products: { kind: 'owner', scopes: ['vehicle_device_data', 'energy_device_data'] },
  vehicles: { kind: 'owner', scopes: ['vehicle_device_data'] },
  vehicle: { kind: 'owner', scopes: ['vehicle_device_data'] },
  vehicle_data: { kind: 'owner', scopes: ['vehicle_device_data'] },
  wake_up: { kind: 'owner', scopes: ['vehicle_device_data', 'vehicle_cmds', 'vehicle_charging_cmds'] },
  fleet_status: { kind: 'owner', scopes: ['vehicle_device_data'] },
  create_config: { kind: 'owner', scopes: ['vehicle_device_data'] },
  get_config: { kind: 'owner', scopes: ['vehicle_device_data'] },
  delete_config: { kind: 'owner', scopes: ['vehicle_device_data'] },
  signed_command: { kind: 'owner', scopes: ['vehicle_cmds', 'vehicle_charging_cmds'] },
  command: { kind: 'owner', scopes: ['vehicle_cmds', 'vehicle_charging_cmds'] },
};

function partnerAnswer(context: ApiContext, request: ApiRequest, endpoint: Endpoint): Answer | Promise<Answer> {
  const { account, fetchPublicKey } = context;
  if (endpoint === 'register') return register(account, fetchPublicKey, request);
  if (endpoint === 'public_key') return publicKey(account, request);
  if (registrationsOf(account, request.region).size === 0) return notRegistered(request.region);
  if (endpoint === 'telemetry_errors') return success({ fleet_telemetry_errors: account.errors });
  return success({ vins: [...new Set(account.errors.map(({ vin }) => vin))] });
}

function ownerAnswer(
  context: ApiContext,
  request: ApiRequest,
  { endpoint, vehicle: name, command }: EndpointMatch,
  access: AccessToken,
): Answer | Promise<Answer> {
  const { account, clock } = context;
  const { region } = account.state;
  if (endpoint === 'region') return success({ region, fleet_api_base_url: context.baseUrlOf(region) });
  if (registrationsOf(account, request.region).size === 0) return notRegistered(request.region);
  if (request.region !== region) {
    return failure(421, `user out of region, use base URL: ${context.baseUrlOf(region)}, see users/region`);
  }
  const hasLocation = access.scopes.includes('vehicle_location');
  if (endpoint === 'products') return products(account);
  if (endpoint === 'vehicles') return listVehicles(account);
  if (endpoint === 'fleet_status') return fleetStatus(account, readBody(request.body)?.vins);
  if (endpoint === 'create_config') return createConfig(account, clock, request, { hasLocation });

  const vehicle = findVehicle(account, name ?? '');
  if (vehicle === undefined) return failure(404, 'not_found');
  if (endpoint === 'vehicle_data') {
    return vehicleData(vehicle, { hasLocation, document: context.documentOf(vehicle.vin) });
  }
  if (endpoint === 'wake_up') return wakeUp(context, vehicle);
  if (endpoint === 'get_config') return getConfig(account, vehicle);
  if (endpoint === 'delete_config') return deleteConfig(vehicle);
  const { commands, onSignedCommand, onCommand } = context;
  if (endpoint === 'signed_command') {
    return onSignedCommand?.(vehicle.vin, request.body) ?? commands.signed(vehicle, request.body);
  }
  if (endpoint === 'command') {
    return onCommand?.(vehicle.vin, command!, request.body) ?? commands.rest(vehicle, command!, request.body);
  }
  return oneVehicle(vehicle);
}

function wakeUp({ account, clock }: ApiContext, vehicle: StandInVehicle): Answer {
  changeVehicle(account, clock, vehicle, { isAwake: true });
  return oneVehicle(vehicle);
}

/** The page that the owner opens on the phone; opening it is the approval. */
function approve(account: Account, { query }: ApiRequest, domain: string): Answer {
  const problem = pair(account, domain, query.get('vin') ?? undefined);
  const text = problem ?? `The key of ${domain} was added.`;
  const status = problem === undefined ? 200 : 404;
  const escaped = text.replace(/[<>&]/g, '');
  return {
    status,
    body: `<!doctype html><p>${escaped}</p>`,
    headers: { 'content-type': 'text/html; charset=utf-8' },
  };
}

function notRegistered(region: Region): Answer {
  return failure(412, `Account must be registered in the current region (${region})`);
}

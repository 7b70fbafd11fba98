// What the owner's token allows: the account, its vehicles, their telemetry configurations and commands.
import {
  type BeforeSend,
  createOwnerCaller,
  type Endpoint,
  type JsonObject,
  notValid,
  type OwnerCall,
  readAnswer,
} from '../calls/index.js';
import { type ConfigurationState, FleetApiError, problemOfClaims } from '../errors/index.js';
import { type ApplicationKey, type ConfigurationClaims, signConfiguration } from '../signature/index.js';
import {
  configurationStateOf,
  noConfiguration,
  responseOf,
  type SentConfiguration,
  sentConfigurationOf,
  statusesOf,
  summaryOf,
  type VehicleStatus,
  type VehicleSummary,
  vehiclesOf,
} from './answers.js';

/** Any answer of Tesla, for callers that decide by its status. */
export interface RawAnswer {
  readonly status: number;
  readonly body: string;
  readonly retryAfterSeconds: number | undefined;
}

export interface CommandLimit {
  readonly timeoutMs: number;
}

/** Every method rejects with FleetApiError. */
export interface OwnerApi {
  /** Tesla's address of the account's region. */
  region(): Promise<{ region: string; apiUrl: string }>;
  /** The vehicles among the products. */
  products(): Promise<VehicleSummary[]>;
  vehicles(): Promise<VehicleSummary[]>;
  /** `endpoints`: parts of the document, such as location_data. `body` has Tesla's text, whose ids are exact. */
  vehicleData(vin: string, endpoints?: readonly string[]): Promise<{ document: JsonObject; body: string }>;
  /** Any other path that reads. One call, never repeated; resolves with the JSON object of the answer as Tesla wrote it. */
  read(path: string, options?: { beforeSend?: BeforeSend }): Promise<string>;
  fleetStatus(vins: readonly string[]): Promise<VehicleStatus[]>;
  createConfiguration(request: ConfigurationRequest): Promise<SentConfiguration>;
  configuration(vin: string): Promise<ConfigurationState>;
  deleteConfiguration(vin: string): Promise<void>;
  /** One call, never repeated. */
  wakeUp(vin: string): Promise<VehicleSummary>;
  /** One call; rejects only without an answer. */
  sendWakeUp(vin: string, limit: CommandLimit): Promise<RawAnswer>;
  /** One call; rejects only without an answer. `body`: JSON with routable_message. */
  signedCommand(vin: string, body: string, limit: CommandLimit): Promise<RawAnswer>;
  /** One call; rejects only without an answer. */
  command(vin: string, name: string, body: string, limit: CommandLimit): Promise<RawAnswer>;
}

export interface ConfigurationRequest {
  readonly vins: readonly string[];
  readonly claims: ConfigurationClaims;
  readonly key: ApplicationKey;
}

/** More vehicles than anyone owns; ends a list that repeats itself. */
const MAX_PAGES = 50;

export function createOwnerApi(parts: Parameters<typeof createOwnerCaller>[0]): OwnerApi {
  const ownerCaller = createOwnerCaller(parts);
  const read = async (call: OwnerCall, options?: { mayBeEmpty: boolean }): Promise<JsonObject & { body: string }> => {
    const { answer, token } = await ownerCaller(call);
    const value = readAnswer(answer, { endpoint: call.endpoint, secrets: [token], ...options });
    return { ...value, body: answer.body };
  };
  const get = (endpoint: Endpoint, path: string) => read({ endpoint, method: 'GET', path });
  const post = (endpoint: Endpoint, path: string, body: object) =>
    read({ endpoint, method: 'POST', path, body: JSON.stringify(body) });
  const raw = async (call: OwnerCall): Promise<RawAnswer> => (await ownerCaller(call)).answer;

  const products = async () => vehiclesOf(await get('products', '/api/1/products'), 'products');
  async function vehicles(): Promise<VehicleSummary[]> {
    const found = new Map<string, VehicleSummary>();
    let page: unknown = 1;
    for (let pages = 0; typeof page === 'number' && pages < MAX_PAGES; pages += 1) {
      const query = page === 1 ? '' : `?page=${page}`;
      const answer = await get('vehicles', `/api/1/vehicles${query}`).catch(ifNotFound);
      if (answer === undefined) return await products();
      for (const vehicle of vehiclesOf(answer, 'vehicles')) found.set(vehicle.vin, vehicle);
      page = (answer.pagination as JsonObject | null | undefined)?.next;
    }
    return [...found.values()];
  }

  return {
    async region() {
      const { region, fleet_api_base_url: apiUrl } = responseOf(await get('region', '/api/1/users/region'), 'region');
      if (typeof region !== 'string' || typeof apiUrl !== 'string') throw notValid('region', 'fleet_api_base_url');
      return { region, apiUrl };
    },
    products,
    vehicles,
    async vehicleData(vin, endpoints = []) {
      const query = endpoints.length === 0 ? '' : `?endpoints=${encodeURIComponent(endpoints.join(';'))}`;
      const answer = await get('vehicle_data', `${pathOf(vin)}/vehicle_data${query}`);
      return { document: responseOf(answer, 'vehicle_data'), body: answer.body };
    },
    read: async (path, { beforeSend } = {}) =>
      (await read({ endpoint: 'other', method: 'GET', path, ...(beforeSend && { beforeSend }) })).body,
    async fleetStatus(vins) {
      const answer = await post('fleet_status', '/api/1/vehicles/fleet_status', { vins });
      return statusesOf(responseOf(answer, 'fleet_status'), vins);
    },
    async createConfiguration({ vins, claims, key }) {
      const endpoint = 'fleet_telemetry_config_create';
      const problem = problemOfClaims(claims);
      if (problem !== undefined) throw new FleetApiError({ problem, endpoint, delivery: 'not_sent' });
      const token = signConfiguration(claims, { key });
      const answer = await post(endpoint, '/api/1/vehicles/fleet_telemetry_config_jws', { vins, token });
      return sentConfigurationOf(responseOf(answer, endpoint), endpoint);
    },
    async configuration(vin) {
      const endpoint = 'fleet_telemetry_config_get';
      try {
        return configurationStateOf(await get(endpoint, configurationPath(vin)), endpoint);
      } catch (error) {
        // either the configuration or the vehicle is not there
        const isUnclear = error instanceof FleetApiError && error.status === 404;
        if (isUnclear && (await vehicles()).some((vehicle) => vehicle.vin === vin)) return noConfiguration;
        throw error;
      }
    },
    async deleteConfiguration(vin) {
      const endpoint = 'fleet_telemetry_config_delete';
      await read({ endpoint, method: 'DELETE', path: configurationPath(vin) }, { mayBeEmpty: true });
    },
    async wakeUp(vin) {
      const answer = await read(wakeCall(vin));
      const vehicle = summaryOf(responseOf(answer, 'wake_up'));
      if (vehicle === undefined) throw notValid('wake_up', 'vin');
      return vehicle;
    },
    sendWakeUp: (vin, { timeoutMs }) => raw({ ...wakeCall(vin), timeoutMs }),
    signedCommand: (vin, body, { timeoutMs }) =>
      raw({ endpoint: 'signed_command', method: 'POST', path: `${pathOf(vin)}/signed_command`, body, timeoutMs }),
    command(vin, name, body, { timeoutMs }) {
      const path = `${pathOf(vin)}/command/${encodeURIComponent(name)}`;
      return raw({ endpoint: 'command', method: 'POST', path, body, timeoutMs });
    },
  };
}

/** A server may lack the path. */
function ifNotFound(error: unknown): undefined {
  if (error instanceof FleetApiError && error.status === 404) return undefined;
  throw error;
}

function wakeCall(vin: string): OwnerCall {
  return { endpoint: 'wake_up', method: 'POST', path: `${pathOf(vin)}/wake_up`, body: '{}' };
}

const pathOf = (vin: string): string => `/api/1/vehicles/${encodeURIComponent(vin)}`;
const configurationPath = (vin: string): string => `${pathOf(vin)}/fleet_telemetry_config`;

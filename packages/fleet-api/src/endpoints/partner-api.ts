// What the token of the application allows, in one region: registration, and the errors that vehicles report to Tesla.
import {
  type Caller,
  type Endpoint,
  isObject,
  type JsonObject,
  notValid,
  type OwnerCall,
  readAnswer,
  requestOf,
} from '../calls/index.js';
import { FleetApiError } from '../errors/index.js';
import { reportedVinsOf, reportsOf, type TelemetryReport } from './answers.js';

/** Every method rejects with FleetApiError. */
export interface PartnerApi {
  /** Tesla fetches the public key of the domain. Registering again changes nothing but the key. */
  register(domain: string): Promise<void>;
  /** 65 bytes as hex in lower case; undefined if the domain is not registered in this region. */
  publicKey(domain: string): Promise<string | undefined>;
  telemetryErrors(): Promise<TelemetryReport[]>;
  telemetryErrorVins(): Promise<string[]>;
}

/** `apiUrl`: of the region. `token`: a partner token for the same region. */
export function createPartnerApi(parts: { caller: Caller; apiUrl: string; token: string }): PartnerApi {
  const { caller, apiUrl, token } = parts;
  const read = async (call: OwnerCall, options?: { mayBeEmpty: boolean }): Promise<JsonObject> =>
    readAnswer(await caller(requestOf(call, { apiUrl, token })), {
      endpoint: call.endpoint,
      secrets: [token],
      ...options,
    });
  const get = (endpoint: Endpoint, path: string) => read({ endpoint, method: 'GET', path });

  return {
    async register(domain) {
      const body = JSON.stringify({ domain });
      await read({ endpoint: 'register', method: 'POST', path: '/api/1/partner_accounts', body }, { mayBeEmpty: true });
    },
    async publicKey(domain) {
      try {
        const path = `/api/1/partner_accounts/public_key?domain=${encodeURIComponent(domain)}`;
        const { response } = await get('public_key', path);
        const key = isObject(response) ? response.public_key : response;
        if (key === null || key === '') return undefined;
        if (typeof key !== 'string') throw notValid('public_key', 'public_key');
        return key.trim().toLowerCase();
      } catch (error) {
        const isUnknown =
          error instanceof FleetApiError && (error.status === 404 || error.problem === 'not_registered');
        if (isUnknown) return undefined;
        throw error;
      }
    },
    async telemetryErrors() {
      const endpoint = 'fleet_telemetry_errors';
      return reportsOf(await get(endpoint, '/api/1/partner_accounts/fleet_telemetry_errors'), endpoint);
    },
    async telemetryErrorVins() {
      const endpoint = 'fleet_telemetry_error_vins';
      return reportedVinsOf(await get(endpoint, '/api/1/partner_accounts/fleet_telemetry_error_vins'), endpoint);
    },
  };
}

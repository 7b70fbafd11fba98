// The endpoints of Tesla's API, by method and path.

export type Endpoint =
  | 'authorize'
  | 'token'
  | 'register'
  | 'public_key'
  | 'telemetry_errors'
  | 'telemetry_error_vins'
  | 'region'
  | 'products'
  | 'vehicles'
  | 'vehicle'
  | 'vehicle_data'
  | 'wake_up'
  | 'fleet_status'
  | 'create_config'
  | 'get_config'
  | 'delete_config'
  | 'signed_command'
  | 'command'
  | 'pairing';

export interface EndpointMatch {
  readonly endpoint: Endpoint;
  /** From the path. */
  readonly vehicle: string | undefined;
  readonly command: string | undefined;
}

/** Undefined for a path that Tesla does not have. A method that an endpoint lacks: `wrong_method`. */
export function matchEndpoint(method: string, path: string): EndpointMatch | 'wrong_method' | undefined {
  let isKnownPath = false;
  for (const [endpoint, ofEndpoint, pattern] of endpoints) {
    const groups = pattern.exec(path)?.groups;
    if (!pattern.test(path)) continue;
    isKnownPath = true;
    if (ofEndpoint === method) return { endpoint, vehicle: groups?.vehicle, command: groups?.command };
  }
  return isKnownPath ? 'wrong_method' : undefined;
}

const endpoints: readonly (readonly [Endpoint, string, RegExp])[] = [
  ['authorize', 'GET', /^\/oauth2\/v3\/authorize$/],
  ['token', 'POST', /^\/oauth2\/v3\/token$/],
  ['pairing', 'GET', /^\/_ak\/(?<vehicle>[^/]+)$/],
  ['register', 'POST', /^\/api\/1\/partner_accounts$/],
  ['public_key', 'GET', /^\/api\/1\/partner_accounts\/public_key$/],
  ['telemetry_errors', 'GET', /^\/api\/1\/partner_accounts\/fleet_telemetry_errors$/],
  ['telemetry_error_vins', 'GET', /^\/api\/1\/partner_accounts\/fleet_telemetry_error_vins$/],
  ['region', 'GET', /^\/api\/1\/users\/region$/],
  ['products', 'GET', /^\/api\/1\/products$/],
  ['vehicles', 'GET', /^\/api\/1\/vehicles$/],
  ['fleet_status', 'POST', /^\/api\/1\/vehicles\/fleet_status$/],
  ['create_config', 'POST', /^\/api\/1\/vehicles\/fleet_telemetry_config_jws$/],
  ['vehicle', 'GET', /^\/api\/1\/vehicles\/(?<vehicle>[^/]+)$/],
  ['vehicle_data', 'GET', /^\/api\/1\/vehicles\/(?<vehicle>[^/]+)\/vehicle_data$/],
  ['wake_up', 'POST', /^\/api\/1\/vehicles\/(?<vehicle>[^/]+)\/wake_up$/],
  ['get_config', 'GET', /^\/api\/1\/vehicles\/(?<vehicle>[^/]+)\/fleet_telemetry_config$/],
  ['delete_config', 'DELETE', /^\/api\/1\/vehicles\/(?<vehicle>[^/]+)\/fleet_telemetry_config$/],
  ['signed_command', 'POST', /^\/api\/1\/vehicles\/(?<vehicle>[^/]+)\/signed_command$/],
  ['command', 'POST', /^\/api\/1\/vehicles\/(?<vehicle>[^/]+)\/command\/(?<command>[^/]+)$/],
];

export const endpointNames: readonly Endpoint[] = endpoints.map(([endpoint]) => endpoint);

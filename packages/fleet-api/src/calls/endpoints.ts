// The endpoints that are used: what Tesla bills them as, and when a failed call may be repeated.

export type CallKind = 'requests' | 'commands' | 'wakes' | 'free';

/**
 * `safe`: executing it twice changes nothing. `once`: only what Tesla did not execute is repeated. `never`: the caller
 * decides after each call.
 */
export type Repeat = 'safe' | 'once' | 'never';

export type Endpoint = keyof typeof endpoints;

export const endpoints = {
  token_partner: { kind: 'free', repeat: 'safe' },
  token_code: { kind: 'free', repeat: 'once' },
  token_refresh: { kind: 'free', repeat: 'once' },
  register: { kind: 'requests', repeat: 'safe' },
  public_key: { kind: 'requests', repeat: 'safe' },
  fleet_telemetry_errors: { kind: 'requests', repeat: 'safe' },
  fleet_telemetry_error_vins: { kind: 'requests', repeat: 'safe' },
  region: { kind: 'requests', repeat: 'safe' },
  products: { kind: 'requests', repeat: 'safe' },
  vehicles: { kind: 'requests', repeat: 'safe' },
  vehicle_data: { kind: 'requests', repeat: 'safe' },
  fleet_status: { kind: 'requests', repeat: 'safe' },
  fleet_telemetry_config_get: { kind: 'requests', repeat: 'safe' },
  fleet_telemetry_config_create: { kind: 'requests', repeat: 'once' },
  fleet_telemetry_config_delete: { kind: 'requests', repeat: 'safe' },
  other: { kind: 'requests', repeat: 'never' },
  wake_up: { kind: 'wakes', repeat: 'never' },
  signed_command: { kind: 'commands', repeat: 'never' },
  command: { kind: 'commands', repeat: 'never' },
} as const satisfies Record<string, { kind: CallKind; repeat: Repeat }>;

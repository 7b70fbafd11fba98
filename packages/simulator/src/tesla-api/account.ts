// Tesla's records of one developer and one owner: the application, its registrations, and the owner's vehicles.
import type { ConfiguredVehicle } from '../configured-vehicle/index.js';
import type { Region } from './answer.js';

/** What a developer typed on Tesla's page. */
export interface Application {
  readonly clientId: string;
  readonly clientSecret: string;
  /** `https://<domain>`; with `*` every domain is allowed. */
  readonly allowedOrigins: readonly string[];
  /** With `*` every URI is allowed. */
  readonly redirectUris: readonly string[];
}

/** Switches of the account. A test may change them at any time. */
export interface AccountState {
  /** The region of the owner's vehicles; the others answer 421. */
  region: Region;
  /** Scopes that the owner allows at the sign-in; undefined: all that are asked for. */
  /** null: as undefined, for a change in JSON. */
  grantedScopes: string[] | null | undefined;
  /** Whether the owner refuses the sign-in. */
  isSignInDenied: boolean;
  /** Whether the most recently used refresh token stays valid for 24 hours. */
  keepsLastRefreshToken: boolean;
  /** At the billing limit: configurations are removed and new ones are not synced. */
  isLimitReached: boolean;
  /** Every call is answered with EXCEEDED_LIMIT. */
  isDisabled: boolean;
  /** Added to the time of the Date header. */
  dateSkewMs: number;
}

/** Switches of one vehicle. A test may change them at any time. */
export interface VehicleState {
  isAwake: boolean;
  /** Reported by fleet_status; below 2024.26 no configuration is accepted. */
  firmware: string;
  /** Old hardware is skipped as unsupported_hardware. */
  isHardwareSupported: boolean;
  /** Configurations of other applications; three are the maximum. */
  otherConfigs: number;
  /** Whether the vehicle refuses every configuration: synced, with config null. */
  refusesConfig: boolean;
  /** Whether the vehicle sends a client certificate; false: the server does not name its CA. */
  hasClientCertificate: boolean;
  /** Old Model S and X stream only when the owner has switched it on. */
  isStreamingAllowed: boolean;
  isCommandProtocolRequired: boolean;
  isInService: boolean;
  /** From the configuration's arrival until the vehicle has it. */
  syncDelayMs: number;
}

export interface StandInVehicle {
  readonly vin: string;
  readonly id: number;
  readonly vehicleId: number;
  readonly state: VehicleState;
  /** Public keys that the owner approved, hex. */
  readonly pairedKeys: Set<string>;
  readonly car: ConfiguredVehicle;
  /** Names of the actions of executed commands, oldest first. */
  readonly executions: string[];
  config: StoredConfig | undefined;
  cancelSync: () => void;
}

export interface StoredConfig {
  readonly token: string;
  readonly claims: Readonly<Record<string, unknown>>;
  isSynced: boolean;
  isRefused: boolean;
}

export interface TelemetryError {
  readonly name: string;
  readonly error: string;
  readonly error_name: string;
  readonly vin: string;
  readonly created_at: string;
}

export interface Account {
  readonly application: Application;
  readonly state: AccountState;
  readonly vehicles: ReadonlyMap<string, StandInVehicle>;
  /** By region and domain: the registered public key, hex of 65 bytes. */
  readonly registrations: Map<Region, Map<string, string>>;
  /** Newest last, at most 200. */
  readonly errors: TelemetryError[];
}

export const defaultAccountState: AccountState = {
  region: 'na',
  grantedScopes: undefined,
  isSignInDenied: false,
  keepsLastRefreshToken: true,
  isLimitReached: false,
  isDisabled: false,
  dateSkewMs: 0,
};

export const defaultVehicleState: VehicleState = {
  isAwake: true,
  firmware: '2026.26.6',
  isHardwareSupported: true,
  otherConfigs: 0,
  refusesConfig: false,
  hasClientCertificate: true,
  isStreamingAllowed: true,
  isCommandProtocolRequired: true,
  isInService: false,
  syncDelayMs: 0,
};

export function findVehicle({ vehicles }: Account, name: string): StandInVehicle | undefined {
  return (
    vehicles.get(name) ?? [...vehicles.values()].find(({ id, vehicleId }) => [id, vehicleId].map(String).includes(name))
  );
}

/** Whether the application's key, as registered in any region, is on the vehicle. */
export function isPaired({ registrations }: Account, { pairedKeys }: StandInVehicle): boolean {
  return [...registrations.values()].some((domains) => [...domains.values()].some((key) => pairedKeys.has(key)));
}

/** The last two labels: two names belong together when these are equal. */
export function rootOf(domain: string): string {
  return domain.toLowerCase().split('.').slice(-2).join('.');
}

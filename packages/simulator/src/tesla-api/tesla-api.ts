// The running stand-in: what tests and the control over HTTP read and change.
import type { SignalCount } from '../configured-vehicle/index.js';
import type { SimulatedVehicle } from '../vehicle/index.js';
import type { AccountState, TelemetryError, VehicleState } from './account.js';
import type { Region } from './answer.js';
import type { Calls } from './calls.js';
import type { Faults } from './faults.js';

export interface TeslaApi {
  /** The base of the Fleet API for `na`, or the only region. */
  readonly url: string;
  readonly urls: Readonly<Partial<Record<Region, string>>>;
  /** The base of sign-in: `<authUrl>/oauth2/v3/token`. */
  readonly authUrl: string;
  readonly vins: readonly string[];
  readonly calls: Calls;
  readonly faults: Faults;
  readonly accountState: Readonly<AccountState>;
  /** What vehicles reported, newest last. */
  readonly errors: readonly TelemetryError[];
  vehicle(vin: string): TeslaApiVehicleView;
  /** As the owner does in Tesla's app; without a VIN for every vehicle. Returns the reason when it can't. */
  pair(domain: string, vin?: string): string | undefined;
  changeAccount(change: Partial<AccountState>): Promise<void>;
  changeVehicle(vin: string, change: Partial<VehicleState>): void;
  /** As after a change of the password. */
  revokeSignIn(): void;
  stop(): Promise<void>;
}

export interface TeslaApiVehicleView {
  readonly state: Readonly<VehicleState>;
  readonly isPaired: boolean;
  readonly isConnected: boolean;
  readonly isSynced: boolean;
  readonly isRefused: boolean;
  /** Claims of the stored configuration. */
  readonly config: Readonly<Record<string, unknown>> | undefined;
  /** Counted in the bytes that the vehicle sent. */
  readonly signals: SignalCount;
  /** Names of the actions of executed commands, oldest first. */
  readonly executions: readonly string[];
  /** Undefined without an accepted configuration. */
  readonly simulated: SimulatedVehicle | undefined;
}

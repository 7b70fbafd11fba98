// Tesla's Fleet API as commands use it: with the owner's account, in the region of the vehicle.
import type { CommandKey, TransportResult } from '@fleetbridge/vehicle-command';

interface Limit {
  timeoutMs: number;
}

/** Every method makes one call and resolves with what became of it. */
export interface Upstream {
  /** `POST /api/1/vehicles/{vin}/signed_command` with one message. */
  signedCommand(vin: string, message: Uint8Array, limit: Limit): Promise<TransportResult>;
  /** `POST /api/1/vehicles/{vin}/command/{name}` with the body of the client. */
  plainCommand(vin: string, name: string, body: string, limit: Limit): Promise<TransportResult>;
  /** `POST /api/1/vehicles/{vin}/wake_up`. */
  wakeUp(vin: string, limit: Limit): Promise<TransportResult>;
}

/** The key and the account of commands. Both can be set up, and lost, while the gateway runs. */
export interface CommandAccount {
  /** For one command. Rejects when Redis does not answer. */
  open(limit: Limit): Promise<OpenedAccount | UnusableAccount>;
}

export interface OpenedAccount {
  kind: 'opened';
  /** The application key, which the vehicles are paired with. */
  key: CommandKey;
  upstream: Upstream;
}

export type UnusableAccount =
  /** A person must do something first. */
  | { kind: 'not_set_up'; meaning: string; remedy: string }
  /** The access token has expired, and Tesla can't be asked for another one. */
  | { kind: 'unreachable'; cause: string };

// Tesla's Fleet API as commands use it: with the owner's account, in the region of the vehicle.
import type { TransportResult } from '@fleetbridge/vehicle-command';

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

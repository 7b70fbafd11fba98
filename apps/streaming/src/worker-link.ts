// What the process that holds the ports and its workers say to each other.
import type { ReadinessReport } from '@fleetbridge/service';

export type Door = 'clients' | 'grpc';

/** Comes with its socket, which stays open at the sender's until it is taken. */
export interface ToWorker {
  type: 'connection';
  door: Door;
  id: number;
}

export type FromWorker =
  /** Connections may come. */
  | { type: 'open' }
  /** Clients hear the present. */
  | { type: 'present' }
  | { type: 'taken'; id: number }
  | { type: 'readiness'; report: ReadinessReport };

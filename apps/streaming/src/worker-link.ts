// What the process that holds the ports and its workers say to each other.
import type { MetricsAsJson, ReadinessReport } from '@fleetbridge/service';

export type Door = 'clients' | 'grpc';

export type ToWorker =
  /** Comes with its socket, which stays open at the sender's until it is taken. */
  { type: 'connection'; door: Door; id: number } | { type: 'metrics_wanted'; request: number };

export type FromWorker =
  /** Connections may come. */
  | { type: 'open' }
  /** Clients hear the present. */
  | { type: 'present' }
  | { type: 'taken'; id: number }
  | { type: 'readiness'; report: ReadinessReport }
  | { type: 'metrics'; request: number; metrics: MetricsAsJson };

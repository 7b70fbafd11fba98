// Messages between the primary and its workers. A worker can be newer than its primary: reloads and restarts load the
// code that is installed then. A renamed message would leave the old primary without workers that it understands.
import type { MetricsAsJson } from '../metrics/index.js';
import type { ReadinessReport } from '../process/index.js';

/** How often a worker reports its readiness without a change, as a heartbeat. */
export const HEARTBEAT_MS = 2_000;

export type MessageToWorker =
  | { type: 'metrics_requested'; request: number }
  /** Sent with its socket, which the primary keeps open until the worker accepts it. */
  | { type: 'connection'; port: string; id: number };

export type MessageToPrimary =
  /** The worker serves. Also the message of runApp's `ready()`. */
  | { type: 'ready'; ports?: Record<string, number> }
  /** The worker accepts connections from the hand-off, possibly before it is ready. */
  | { type: 'accepting' }
  | { type: 'accepted'; id: number }
  | { type: 'readiness'; report: ReadinessReport }
  | { type: 'metrics'; request: number; metrics: MetricsAsJson };

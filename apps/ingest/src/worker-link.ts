// A worker's end of the channel to its primary: says whether it is ready, again and again as a sign of life, and gives
// its metrics when it is asked. The start itself is told by runApp's own message.
import {
  answerMetrics,
  type Readiness,
  type ReadinessReport,
  reportedReadiness,
  sendToPrimary,
} from '@fleetbridge/service';
import type { Registry } from 'prom-client';

/** How often a worker shows that it lives. */
export const SIGN_OF_LIFE_MS = 2_000;

export type WorkerMessage =
  | { type: 'ready'; ports?: Record<string, number> }
  | { type: 'readiness'; report: ReadinessReport };

export interface WorkerLink {
  /** The same readiness, each change of which is told to the primary. */
  tellReadiness(readiness: Readiness): Readiness;
  offerMetrics(registry: Registry): void;
  stop(): void;
}

/** For a process that node:cluster has forked. */
export function openWorkerLink(): WorkerLink {
  let stopAnswering: (() => void) | undefined;
  let signOfLife: NodeJS.Timeout | undefined;

  return {
    tellReadiness(readiness) {
      const tell = () => send({ type: 'readiness', report: readiness.report() });
      clearInterval(signOfLife);
      signOfLife = setInterval(tell, SIGN_OF_LIFE_MS).unref();
      return reportedReadiness(readiness, tell);
    },
    offerMetrics: (registry) => {
      stopAnswering = answerMetrics(registry);
    },
    stop: () => {
      clearInterval(signOfLife);
      stopAnswering?.();
    },
  };
}

function send(message: WorkerMessage): void {
  sendToPrimary(message);
}

// A worker's end of the channel to its primary: reports readiness, answers metrics requests, accepts connections.
import type { Socket } from 'node:net';
import type { Registry } from 'prom-client';
import type { MetricsAsJson } from '../metrics/index.js';
import type { Readiness } from '../process/index.js';
import { HEARTBEAT_MS, type MessageToPrimary, type MessageToWorker } from './worker-messages.js';

export interface PrimaryChannel {
  /** The same readiness. It is reported now, after each change, when `signal` is aborted, and as a heartbeat. */
  reportReadiness(readiness: Readiness, signal: AbortSignal): Readiness;
  answerMetrics(registry: Pick<Registry, 'getMetricsAsJSON'>): void;
  /** From now on the primary hands over connections, by the name of the port that they arrived on. */
  acceptConnections(ports: Record<string, (socket: Socket) => void>): void;
  ready(): void;
  close(): void;
}

/** For a process that node:cluster has forked. */
export function openPrimaryChannel(): PrimaryChannel {
  const closing = new AbortController();
  const onMessage = (listener: (message: MessageToWorker, socket?: Socket) => void) => {
    process.on('message', listener);
    closing.signal.addEventListener('abort', () => process.off('message', listener));
  };

  return {
    reportReadiness(readiness, signal) {
      const report = () => send({ type: 'readiness', report: readiness.report() });
      const heartbeat = setInterval(report, HEARTBEAT_MS).unref();
      closing.signal.addEventListener('abort', () => clearInterval(heartbeat));
      signal.addEventListener('abort', report);
      report();
      return {
        set(name, check) {
          const isChanged = readiness.set(name, check);
          if (isChanged) report();
          return isChanged;
        },
        report: () => readiness.report(),
      };
    },
    answerMetrics(registry) {
      onMessage((message) => {
        if (message.type !== 'metrics_requested') return;
        const { request } = message;
        void registry
          .getMetricsAsJSON()
          .then((metrics) => send({ type: 'metrics', request, metrics: withoutNaN(metrics) }));
      });
    },
    acceptConnections(ports) {
      onMessage((message, socket) => {
        if (message.type !== 'connection') return;
        // undefined: the client has disconnected in the meantime
        if (socket !== undefined) ports[message.port]?.(socket);
        send({ type: 'accepted', id: message.id });
      });
      send({ type: 'accepting' });
    },
    ready: () => send({ type: 'ready' }),
    close: () => closing.abort(),
  };
}

function send(message: MessageToPrimary): void {
  // The callback receives the error of a channel that closes at this moment; runApp handles its end.
  if (process.connected) process.send?.(message, undefined, {}, () => {});
}

/** NaN (unknown) would arrive as null and be summed as zero. */
function withoutNaN(metrics: MetricsAsJson): MetricsAsJson {
  return metrics.map((metric) => ({ ...metric, values: metric.values.filter(({ value }) => !Number.isNaN(value)) }));
}

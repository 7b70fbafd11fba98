// A worker: serves the connections that the process with the ports hands to it, and tells that one how it is.
import type { Socket } from 'node:net';
import {
  answerMetrics,
  createReadiness,
  type RunContext,
  reportedReadiness,
  sendToPrimary,
} from '@fleetbridge/service';
import type { StreamingConfig } from './config.js';
import { startStreaming } from './streaming.js';
import type { FromWorker, ToWorker } from './worker-link.js';

/** Resolves when its clients hear the present. */
export async function startWorker(config: StreamingConfig, context: RunContext): Promise<void> {
  // A closed terminal says SIGHUP to the whole group; for the primary it is a reload.
  process.on('SIGHUP', () => {});
  const known = createReadiness({ checks: ['redis', 'log', 'clients_port'], signal: context.signal });
  const tellReport = () => tell({ type: 'readiness', report: known.report() });
  context.signal.addEventListener('abort', tellReport);
  const readiness = reportedReadiness(known, tellReport);
  await startStreaming({
    config,
    context,
    readiness,
    listens: false,
    onOpen: ({ registry, ...doors }) => {
      process.on('message', (message: ToWorker, socket?: Socket) => {
        if (message.type === 'connection') {
          // undefined: its client has gone in the meantime
          if (socket !== undefined) doors[message.door].accept(socket);
          tell({ type: 'taken', id: message.id });
        }
      });
      answerMetrics(registry);
      tell({ type: 'open' });
    },
  });
  tell({ type: 'present' });
  context.log.info('worker_ready');
}

function tell(message: FromWorker): void {
  sendToPrimary(message);
}

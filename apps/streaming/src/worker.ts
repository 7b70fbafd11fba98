// A worker: serves the connections that the process with the ports hands to it, and tells that one how it is.
import type { Socket } from 'node:net';
import { answerMetrics, createReadiness, type Readiness, type RunContext } from '@fleetbridge/service';
import type { StreamingConfig } from './config.js';
import { startStreaming } from './streaming.js';
import type { FromWorker, ToWorker } from './worker-link.js';

/** Resolves when its clients hear the present. */
export async function startWorker(config: StreamingConfig, context: RunContext): Promise<void> {
  // A closed terminal says SIGHUP to the whole group; for the primary it is a reload.
  process.on('SIGHUP', () => {});
  const readiness = told(
    createReadiness({ checks: ['redis', 'log', 'clients_port'], signal: context.signal }),
    context,
  );
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

/** The same readiness, each change of which is told. */
function told(readiness: Readiness, { signal }: Pick<RunContext, 'signal'>): Readiness {
  const tellReport = () => tell({ type: 'readiness', report: readiness.report() });
  signal.addEventListener('abort', tellReport);
  tellReport();
  return {
    set(name, check) {
      const isChanged = readiness.set(name, check);
      if (isChanged) tellReport();
      return isChanged;
    },
    report: () => readiness.report(),
  };
}

function tell(message: FromWorker): void {
  // The callback takes the error of a channel that closes at this moment; its end is seen by runApp.
  if (process.connected) process.send?.(message, undefined, {}, () => {});
}

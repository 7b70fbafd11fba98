// A worker: serves the connections that the primary hands over, and reports its readiness to it.
import { createReadiness, openPrimaryChannel, type RunContext } from '@fleetbridge/service';
import type { StreamingConfig } from './config.js';
import { startStreaming } from './streaming.js';

/** Resolves when its clients receive live frames. */
export async function startWorker(config: StreamingConfig, context: RunContext): Promise<void> {
  const primary = openPrimaryChannel();
  const readiness = createReadiness({ checks: ['redis', 'log', 'clients_port'], signal: context.signal });
  await startStreaming({
    config,
    context,
    readiness: primary.reportReadiness(readiness, context.signal),
    listens: false,
    onOpen: ({ clients, grpc, registry }) => {
      primary.answerMetrics(registry);
      primary.acceptConnections({ clients: clients.accept, grpc: grpc.accept });
    },
  });
  primary.ready();
  context.log.info('worker_ready');
}

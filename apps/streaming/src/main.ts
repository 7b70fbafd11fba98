// The streaming server, which TeslaMate and other clients connect to. The primary holds the ports (primary.ts), workers
// serve them (worker.ts); streaming.ts wires the parts.
import cluster from 'node:cluster';
import { createLogger, formatUnknownVariable, loadConfig, type RunContext, runApp } from '@fleetbridge/service';
import { streamingConfig } from './config.js';
import { startPrimary } from './primary.js';

await runApp({ name: 'streaming', main });

async function main(context: RunContext): Promise<void> {
  const { config, warnings } = loadConfig(streamingConfig, { env: context.env, prefixes: ['STREAMING_'] });
  const log = createLogger({ name: 'streaming', level: config.LOG_LEVEL, format: config.LOG_FORMAT });
  context.log = log;
  context.shutdownSeconds = config.SHUTDOWN_SECONDS;
  if (!cluster.isPrimary) {
    // Not loaded by the primary, which opens its ports sooner without it.
    const { startWorker } = await import('./worker.js');
    return startWorker(config, context);
  }
  for (const warning of warnings) log.warn({ ...warning }, formatUnknownVariable(warning));
  context.ready(await startPrimary(config, context));
}

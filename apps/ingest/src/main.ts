// Ingest: vehicles in. What is wired to what is in ingest.ts.
import { createLogger, formatUnknownVariable, loadConfig, type RunContext, runApp } from '@fleetbridge/service';
import { ingestConfig } from './config.js';
import { startIngest } from './ingest.js';

await runApp({ name: 'ingest', main });

async function main(context: RunContext): Promise<void> {
  const { config, warnings } = loadConfig(ingestConfig, { env: context.env, prefixes: ['INGEST_'] });
  context.log = createLogger({ name: 'ingest', level: config.LOG_LEVEL, format: config.LOG_FORMAT });
  context.shutdownSeconds = config.SHUTDOWN_SECONDS;
  for (const warning of warnings) context.log.warn({ ...warning }, formatUnknownVariable(warning));
  const { ports } = await startIngest({ config, context });
  context.ready({ ports });
}

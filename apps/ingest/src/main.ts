// Ingest receives records from vehicles. ingest.ts wires its parts; with several workers primary.ts runs them.
import cluster from 'node:cluster';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import {
  createLogger,
  formatUnknownVariable,
  type Logger,
  openPrimaryChannel,
  type RunContext,
  runApp,
} from '@fleetbridge/service';
import { warnOfEntries } from './admission/index.js';
import { fetchMissingTeslaCas, keepFetchingTeslaCas } from './certificates/index.js';
import { type IngestConfig, withDefaults } from './config.js';
import { startIngest } from './ingest.js';
import { loadIngestConfig, reportConfigFile } from './load-config.js';
import { startPrimary } from './primary.js';

await runApp({ name: 'ingest', main });

async function main(context: RunContext): Promise<void> {
  const { config, warnings, ...fromFile } = loadIngestConfig(context);
  context.log = createLogger({ name: 'ingest', level: config.LOG_LEVEL, format: config.LOG_FORMAT });
  context.shutdownSeconds = config.SHUTDOWN_SECONDS;
  if (cluster.isWorker) {
    // The primary has logged the warnings. It waits for the workers when it stops, so they must finish earlier.
    context.shutdownSeconds *= 0.95;
    context.ready(await startIngest({ config, context, primary: openPrimaryChannel() }));
    return;
  }
  for (const warning of warnings) context.log.warn({ ...warning }, formatUnknownVariable(warning));
  reportConfigFile(fromFile, context.log);
  warnOfVinLists(config, context.log);
  if (config.TESLA_CA_FETCH) {
    const files = withDefaults(config);
    if (!(await fetchMissingTeslaCas(files, context.log)))
      void keepFetchingTeslaCas(files, context.log, context.signal);
  }
  const workers = config.INGEST_WORKERS ?? availableParallelism();
  context.ready(
    workers === 1 ? await startIngest({ config, context }) : await startPrimary({ config, workers, context }),
  );
}

function warnOfVinLists(config: IngestConfig, log: Logger): void {
  const { ALLOWED_VINS = [], ALLOWED_VINS_FILE: file, SIGNAL_COUNT_VINS } = config;
  warnOfEntries({ variable: 'ALLOWED_VINS', entries: ALLOWED_VINS }, log);
  warnOfEntries({ variable: 'SIGNAL_COUNT_VINS', entries: SIGNAL_COUNT_VINS }, log);
  if (file === undefined) return;
  warnOfEntries({ variable: 'ALLOWED_VINS_FILE', entries: readFileSync(file, 'utf8').split('\n') }, log);
}

// `fleetbridge up`: everything on one machine, supervised. Read `runAll` from top to bottom for the order of the start.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { rootCertificates } from 'node:tls';
import { ensureDevelopmentPki } from '@fleetbridge/pki';
import { createLogger, type RunContext, runApp } from '@fleetbridge/service';
import { ensureBridgeToken } from './bridge-token.js';
import { type Command, UsageError } from './command.js';
import { hasDevelopmentCa, loadUpConfig, type UpConfig } from '../config.js';
import { showLiveFrames, streamingUrl, welcome } from '../output/index.js';
import { openRedisDirectory } from '../redis/index.js';
import {
  appSpec,
  ChildStartError,
  hasApps,
  openChildOutput,
  redisSpec,
  Supervisor,
  simulatedVins,
  simulatorSpec,
  stopOrder,
} from '../supervisor/index.js';

export const up: Command = {
  summary: 'run everything: redis, dispatcher, ingest, streaming and a simulated vehicle',
  usage: '',
  help: [
    'Makes certificates and a token under DATA_DIR, starts the parts in order, starts again what dies, and shows the live',
    'frames. Ctrl-C stops everything in order, a second Ctrl-C at once.',
    '',
    'Everything is set by environment variables; the ones that are asked for most:',
    '  DATA_DIR         where everything is kept; default ./data',
    '  REDIS_URL        a running Redis in place of our own',
    '  SIM_VEHICLES     simulated vehicles; default 1, 0 for none',
    '  INGEST_PORT, STREAMING_PORT, TELEMETRY_HOST, STREAMING_HOST, ALLOWED_VINS, INGEST_CA_FILE, BRIDGE_TOKEN',
  ],
  options: {},
  async run({ positionals }) {
    if (positionals.length > 0) throw new UsageError(`unexpected argument "${positionals[0]}"`);
    if (!hasApps()) throw new UsageError('needs a clone with its build; in containers it is: docker compose up');
    let exitCode: number | undefined;
    await runApp({
      name: 'fleetbridge',
      main: async (context) => {
        try {
          await runAll(context);
        } catch (error) {
          if (error instanceof ChildStartError) exitCode = error.exitCode;
          throw error;
        }
      },
      exit: (code) => process.exit(code === 0 ? 0 : (exitCode ?? code)),
    });
    return undefined;
  },
};

async function runAll(context: RunContext): Promise<void> {
  const config = loadUpConfig(context.env);
  const { env } = context;
  const dataDirectory = resolve(config.DATA_DIR);
  const vins = vinsToSimulate(config);

  // Closing the terminal window is a wish to stop; what is printed after that goes nowhere.
  process.on('SIGHUP', () => process.kill(process.pid, 'SIGTERM'));
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  // The terminal is for people; what the supervisor's own life logs is of interest only when it fails.
  context.log = createLogger({ name: 'fleetbridge', level: 'error', format: config.LOG_FORMAT });
  // Every child has the whole of SHUTDOWN_SECONDS, one after the other.
  context.shutdownSeconds = (config.SHUTDOWN_SECONDS + 5) * stopOrder.length + 10;

  context.signal.addEventListener('abort', () => {
    if (context.signal.reason !== 'start_failed') say('\nstopping …');
  });

  const pki = ensureDevelopmentPki({
    directory: join(dataDirectory, 'pki'),
    hosts: [config.TELEMETRY_HOST, config.STREAMING_HOST].filter((host) => host !== undefined),
    vins,
  });
  const bridgeToken = config.BRIDGE_TOKEN?.reveal() ?? ensureBridgeToken(join(dataDirectory, 'tokens'));

  const supervisor = new Supervisor({
    stopOrder,
    shutdownSeconds: config.SHUTDOWN_SECONDS,
    say,
    openOutput: (name) => openChildOutput({ name, logDirectory: join(dataDirectory, 'logs'), say }),
  });
  context.onStop('children', () => supervisor.stop());
  // A second Ctrl-C, a stop that takes too long, a bug: none of them leaves a child behind.
  process.once('exit', () => supervisor.kill());

  const redis = config.REDIS_URL === undefined ? await startOwnRedis() : undefined;
  const facts = { env, config, dataDirectory, redisUrl: redis?.url ?? config.REDIS_URL ?? '', bridgeToken };
  for (const name of ['dispatcher', 'ingest', 'streaming'] as const) await supervisor.start(appSpec(name, facts));
  if (vins.length > 0) await supervisor.start(simulatorSpec(vins, facts));
  context.signal.throwIfAborted();

  const redisUrlFile = redis === undefined ? {} : { redisUrlFile: join(redis.directory, 'url') };
  say(welcome({ config, dataDirectory, token: bridgeToken, vins, ...redisUrlFile }));
  const frames = showLiveFrames({
    url: streamingUrl(config),
    token: bridgeToken,
    vins,
    ...trustedCas(config.STREAMING_CERT_FILE, pki.serverAuthority.certFile),
    say,
  });
  context.onStop('live frames', () => frames.stop());
  context.ready();

  async function startOwnRedis() {
    const directory = await openRedisDirectory({
      directory: join(dataDirectory, 'redis'),
      shutdownSeconds: config.SHUTDOWN_SECONDS,
      say,
    });
    context.signal.throwIfAborted();
    await supervisor.start(redisSpec({ env, config, dataDirectory }));
    return directory;
  }
}

// With a path that has a `/*/`, the server uses the development certificate until there is one of the user.
function trustedCas(certFile: string | undefined, developmentCa: string): { caPem?: string } {
  if (certFile !== undefined && !certFile.includes('/*/')) return {};
  const caPem = readFileSync(developmentCa, 'utf8');
  return { caPem: certFile === undefined ? caPem : [caPem, ...rootCertificates].join('\n') };
}

/** Only those that ingest will let in: they have certificates of the development CA. */
function vinsToSimulate(config: UpConfig): string[] {
  const { ALLOWED_VINS: allowed, SIM_VEHICLES: wanted } = config;
  const isOwnCa = !hasDevelopmentCa(config);
  if (isOwnCa && wanted !== undefined && wanted > 0) {
    say('no simulated vehicles: their certificates are of the development CA, and ingest takes those of another');
  }
  if (isOwnCa) return [];
  const vins = simulatedVins(wanted ?? 1);
  if (allowed === undefined || allowed.includes('*')) return vins;
  const admitted = vins.filter((vin) => allowed.includes(vin));
  if (admitted.length < vins.length)
    say(`${vins.length - admitted.length} simulated vehicle(s) left out: not in ALLOWED_VINS`);
  return admitted;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

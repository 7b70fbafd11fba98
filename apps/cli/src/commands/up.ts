// `fleetbridge up`: all processes on one machine, supervised. `runAll` shows the start order from top to bottom.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { rootCertificates } from 'node:tls';
import { ensureDevelopmentPki } from '@fleetbridge/pki';
import { createLogger, printableLines, type RunContext, runApp } from '@fleetbridge/service';
import { hasDevelopmentCa, loadUpConfig, ports, type UpConfig } from '../config.js';
import { adminUrl, createBoard, showLiveFrames, streamingUrl, welcome, withBoldUrls } from '../output/index.js';
import { openRedisDirectory } from '../redis/index.js';
import {
  appSpec,
  ChildStartError,
  ensurePortsFree,
  ensureWritable,
  hasApps,
  openChildOutput,
  redisSpec,
  Supervisor,
  simulatedVins,
  simulatorSpec,
  stopOrder,
  withNotices,
} from '../supervisor/index.js';
import { ensureBridgeToken } from './bridge-token.js';
import { type Command, UsageError } from './command.js';

export const up: Command = {
  usage: '',
  help: [
    'Creates certificates and a token in DATA_DIR, starts the services in order, restarts a service that exits, and prints',
    'live frames. Ctrl-C stops all services in order; a second Ctrl-C kills them.',
    '',
    'Configured by environment variables (docs/configuration.md). The most common ones:',
    '  DATA_DIR         directory of all data; default ./data',
    '  REDIS_URL        use this Redis instead of starting one',
    '  SIM_VEHICLES     number of simulated vehicles; default 1, with your own CA 0',
    '  INGEST_PORT, STREAMING_PORT, TELEMETRY_HOST, STREAMING_HOST, ALLOWED_VINS, INGEST_CA_FILE, BRIDGE_TOKEN',
  ],
  options: {},
  async run({ positionals }) {
    if (positionals.length > 0) throw new UsageError(`unexpected argument "${positionals[0]}"`);
    if (!hasApps())
      throw new UsageError('only available in a clone of the repository; with containers use "docker compose up"');
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
  const board = createBoard(process.stdout);
  const print = (line: string) => board.print(printableLines(line));
  const vins = vinsToSimulate(config, print);

  // The terminal is for the user, who needs the supervisor's own log only when it fails.
  context.log = createLogger({ name: 'fleetbridge', level: 'error', format: config.LOG_FORMAT });
  // Children stop one after another, each within SHUTDOWN_SECONDS.
  context.shutdownSeconds = (config.SHUTDOWN_SECONDS + 5) * stopOrder.length + 10;

  context.signal.addEventListener('abort', () => {
    board.close();
    if (context.signal.reason !== 'start_failed') print('\nstopping …');
  });

  ensureWritable(dataDirectory);
  const pki = ensureDevelopmentPki({
    directory: join(dataDirectory, 'pki'),
    hosts: [config.TELEMETRY_HOST, config.STREAMING_HOST].filter((host) => host !== undefined),
    vins,
  });
  const bridgeToken = config.BRIDGE_TOKEN?.reveal() ?? ensureBridgeToken(join(dataDirectory, 'tokens'));

  const supervisor = new Supervisor({
    stopOrder,
    shutdownSeconds: config.SHUTDOWN_SECONDS,
    print,
    openOutput: (name) => openChildOutput({ name, logDirectory: join(dataDirectory, 'logs'), print }),
  });
  context.onStop('children', () => supervisor.stop());
  // No child keeps running after a second Ctrl-C, a stop beyond its time limit, or a bug.
  process.once('exit', () => supervisor.kill());

  const portInUse = await gatewayPortInUse(context.env, config);
  const redis = config.REDIS_URL === undefined ? await startOwnRedis() : undefined;
  const facts = { env, config, dataDirectory, redisUrl: redis?.url ?? config.REDIS_URL ?? '', bridgeToken };
  if (redis === undefined) await checkPorts();
  const adminPorts = {
    dispatcher: config.DISPATCHER_ADMIN_PORT,
    ingest: config.INGEST_ADMIN_PORT,
    streaming: config.STREAMING_ADMIN_PORT,
    gateway: config.GATEWAY_ADMIN_PORT,
  };
  if (portInUse !== undefined)
    print(`no gateway: ${portInUse} is in use by another program; set another port to start it`);
  for (const name of ['dispatcher', 'ingest', 'streaming', 'gateway'] as const) {
    if (name === 'gateway' && portInUse !== undefined) continue;
    const url = adminUrl(config, adminPorts[name]);
    await withNotices(supervisor.start(appSpec(name, facts)), { name, url, print });
  }
  if (vins.length > 0) await supervisor.start(simulatorSpec(vins, facts));
  context.signal.throwIfAborted();

  const redisUrlFile = redis === undefined ? {} : { redisUrlFile: join(redis.directory, 'url') };
  const hasGateway = portInUse === undefined;
  board.print(
    withBoldUrls(
      welcome({ config, dataDirectory, token: bridgeToken, vins, hasGateway, ...redisUrlFile }),
      process.stdout,
    ),
  );
  const frames = showLiveFrames({
    url: streamingUrl(config),
    token: bridgeToken,
    vins,
    ...trustedCas(config.STREAMING_CERT_FILE, pki.serverAuthority.certFile),
    board,
  });
  context.onStop('live frames', () => frames.stop());
  context.ready();

  async function startOwnRedis() {
    const directory = await openRedisDirectory({
      directory: join(dataDirectory, 'redis'),
      shutdownSeconds: config.SHUTDOWN_SECONDS,
      memory: config.REDIS_MEMORY,
      print,
    });
    context.signal.throwIfAborted();
    // After the check for another fleetbridge in this directory, which would be the one that has the ports.
    await checkPorts();
    await withNotices(supervisor.start(redisSpec({ env, config, dataDirectory })), { name: 'redis', print });
    return directory;
  }

  function checkPorts() {
    const checkedPorts = ports.filter((variable) => portInUse === undefined || !variable.startsWith('GATEWAY_'));
    return ensurePortsFree(
      checkedPorts.map((variable) => ({
        variable,
        port: config[variable],
        host: variable.endsWith('_ADMIN_PORT') ? config.ADMIN_HOST : undefined,
      })),
    );
  }
}

// With a path that has a `/*/`, the server uses the development certificate until there is one of the user.
function trustedCas(certFile: string | undefined, developmentCa: string): { caPem?: string } {
  if (certFile !== undefined && !certFile.includes('/*/')) return {};
  const caPem = readFileSync(developmentCa, 'utf8');
  return { caPem: certFile === undefined ? caPem : [caPem, ...rootCertificates].join('\n') };
}

/**
 * An installation of an earlier version, which had no gateway, must still start where another program has its ports. A port
 * that the user has set must be free.
 */
async function gatewayPortInUse(env: Readonly<NodeJS.ProcessEnv>, config: UpConfig): Promise<string | undefined> {
  for (const name of ['GATEWAY_PORT', 'GATEWAY_ADMIN_PORT'] as const) {
    if ((env[name] ?? '').trim() === '' && !(await isFree(config[name]))) return `port ${config[name]} (${name})`;
  }
  return undefined;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Only vehicles that ingest accepts: their certificates are signed by the development CA. */
function vinsToSimulate(config: UpConfig, print: (line: string) => void): string[] {
  const { ALLOWED_VINS: allowed, SIM_VEHICLES: wanted } = config;
  const isOwnCa = !hasDevelopmentCa(config);
  if (isOwnCa && wanted !== undefined && wanted > 0) {
    print('no simulated vehicles: their certificates are signed by the development CA, which ingest does not accept');
  }
  if (isOwnCa) return [];
  const vins = simulatedVins(wanted ?? 1);
  if (allowed === undefined || allowed.includes('*')) return vins;
  const admitted = vins.filter((vin) => allowed.includes(vin));
  if (admitted.length < vins.length)
    print(`skipped ${vins.length - admitted.length} simulated vehicle(s) that are not in ALLOWED_VINS`);
  return admitted;
}

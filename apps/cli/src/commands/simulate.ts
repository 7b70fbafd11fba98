// `fleetbridge simulate`: simulated vehicles for any ingest that accepts the development CA.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { rootCertificates } from 'node:tls';
import { ensureDevelopmentPki } from '@fleetbridge/pki';
import { createLogger, loadConfig, printable, type RunContext, runApp } from '@fleetbridge/service';
import { defaultPlan, type PhasePlan, SimulatedVehicle, type SimulatedVehicleEvent } from '@fleetbridge/simulator';
import { simulateConfig } from '../config.js';
import { print } from '../print.js';
import { startTeslaStandIn } from '../simulation/index.js';
import { localTime, simulatedVins } from '../supervisor/index.js';
import { certificateTexts } from './certificate-texts.js';
import { type Command, type Invocation, numberOption, UsageError } from './command.js';
import { readPlan } from './plan.js';

export const simulate: Command = {
  usage: '[--vehicles <n>] [--vin <VIN> …] [--url <wss://…>] [--plan <phases>] [--time-scale <n>]',
  help: [
    '  --vehicles <n>    number of vehicles; default 1. VINs start at 5YJ3E1EA7KF000001',
    '  --vin <VIN>       simulate this VIN; can be repeated. Excludes --vehicles',
    '  --url <wss://…>   address of ingest; default wss://localhost:<INGEST_PORT>',
    '  --plan <phases>   phases that each vehicle repeats, with their duration in seconds;',
    `                    default ${defaultPlan.map(({ phase, seconds }) => `${phase}:${seconds}`).join(',')}`,
    '  --time-scale <n>  simulated seconds per real second; default 1',
    '',
    "With SIM_TESLA=1 a stand-in of Tesla's Fleet API runs, and vehicles connect only by the configuration stored there.",
    '',
    'Uses the development certificates in DATA_DIR/pki and creates missing ones.',
  ],
  options: {
    vehicles: { type: 'string' },
    vin: { type: 'string', multiple: true },
    url: { type: 'string' },
    plan: { type: 'string' },
    'time-scale': { type: 'string' },
  },
  async run(invocation) {
    const request = readRequest(invocation);
    await runApp({ name: 'simulator', main: (context) => driveVehicles(request, context) });
    return undefined;
  },
};

interface Request {
  readonly vins: readonly string[];
  readonly url: string | undefined;
  readonly plan: readonly PhasePlan[] | undefined;
  readonly timeScale: number | undefined;
}

function readRequest({ values, positionals }: Invocation): Request {
  if (positionals.length > 0) throw new UsageError(`unexpected argument "${positionals[0]}"`);
  if (values.vin !== undefined && values.vehicles !== undefined)
    throw new UsageError('--vin and --vehicles are mutually exclusive');
  const vins = Array.isArray(values.vin) ? values.vin.map(String) : undefined;
  const url = typeof values.url === 'string' ? values.url : undefined;
  if (url !== undefined && !/^wss:\/\/[^/]/.test(url))
    throw new UsageError(`--url: expected wss://host:port, got "${url}"`);
  return {
    vins: vins ?? simulatedVins(numberOption(values, 'vehicles', { min: 1, isWhole: true }) ?? 1),
    url,
    plan: typeof values.plan === 'string' ? readPlan(values.plan) : undefined,
    timeScale: numberOption(values, 'time-scale', { min: 0.001 }),
  };
}

async function driveVehicles(request: Request, context: RunContext): Promise<void> {
  const { config } = loadConfig(simulateConfig, { env: context.env });
  context.log = createLogger({ name: 'simulator', level: config.LOG_LEVEL, format: config.LOG_FORMAT });
  context.shutdownSeconds = config.SHUTDOWN_SECONDS;
  const pki = ensureDevelopmentPki({
    directory: join(resolve(config.DATA_DIR), 'pki'),
    hosts: [],
    vins: request.vins,
  });
  const report = (vin: string, event: SimulatedVehicleEvent) =>
    print(`${localTime(new Date())}  ${vin}  ${printable(describe(event))}`);
  if (config.SIM_TESLA) {
    if (request.url !== undefined)
      throw new UsageError('--url: not with SIM_TESLA, where the configuration has the host');
    const api = await startTeslaStandIn({ config, pki, plan: request.plan, timeScale: request.timeScale, report });
    context.onStop('tesla stand-in', () => api.stop());
    print(`Fleet API of the stand-in: ${api.url}; no vehicle connects until a valid configuration is stored for it`);
    context.ready();
    return;
  }
  // Ingest may use a certificate of the user, for a name other than localhost.
  const own = config.INGEST_CERT_FILE === undefined ? [] : await certificateTexts(config.INGEST_CERT_FILE);
  const caPem = [readFileSync(pki.serverAuthority.certFile, 'utf8'), ...own, ...rootCertificates].join('\n');
  const isNamed =
    config.INGEST_CERT_FILE !== undefined && config.TELEMETRY_HOST !== undefined && request.url === undefined;

  const vehicles = [...pki.vehicles].map(
    ([vin, { certFile, keyFile }]) =>
      new SimulatedVehicle({
        vin,
        url: request.url ?? `wss://localhost:${config.INGEST_PORT}`,
        certificatePem: readFileSync(certFile, 'utf8'),
        keyPem: readFileSync(keyFile, 'utf8'),
        caPem,
        ...(isNamed ? { servername: config.TELEMETRY_HOST ?? '' } : {}),
        ...(request.plan === undefined ? {} : { plan: request.plan }),
        ...(request.timeScale === undefined ? {} : { timeScale: request.timeScale }),
        onEvent: (event) => report(vin, event),
      }),
  );
  context.onStop('vehicles', () => Promise.all(vehicles.map((vehicle) => vehicle.stop())));
  for (const vehicle of vehicles) vehicle.start();
  context.ready();
}

function describe(event: SimulatedVehicleEvent): string {
  if (event.type === 'connected') return 'connected';
  if (event.type === 'disconnected') return `disconnected (${event.code})`;
  if (event.type === 'phase') return `phase: ${event.phase}`;
  return `connection failed: ${event.error.message}; retrying in ${(event.retryMs / 1000).toFixed(1)} s`;
}

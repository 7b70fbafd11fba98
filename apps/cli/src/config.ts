// The variables of `fleetbridge up`, of which `simulate`, `ca` and `cert` read a few. The apps check their own again;
// here they are checked so that every mistake of the whole is found at once and before anything starts.
import { join, resolve } from 'node:path';
import {
  commaList,
  defineConfig,
  durationSeconds,
  filePath,
  integer,
  loadConfig,
  type Mistake,
  oneOf,
  port,
  recordLogConfig,
  secret,
  serviceConfig,
  text,
} from '@fleetbridge/service';
import type { z } from 'zod';

const dataDir = { DATA_DIR: recordLogConfig.DATA_DIR };

const ingestPort = {
  INGEST_PORT: port().default(4443).describe('Where vehicles connect (mutual TLS).'),
};

const vehicleServer = {
  INGEST_CERT_FILE: filePath({ mustExist: true }).optional().describe('Server certificate for vehicles (PEM chain).'),
  TELEMETRY_HOST: text({ pattern: /^[A-Za-z0-9._:-]+$/, expected: 'a host name or an IP address' })
    .optional()
    .describe('The name under which vehicles reach this machine; the development certificate is made for it too.'),
};

const streamingHost = {
  STREAMING_HOST: text({ pattern: /^[A-Za-z0-9._:-]+$/, expected: 'a host name or an IP address' })
    .optional()
    .describe('The name under which TeslaMate reaches this machine; the development certificate is made for it too.'),
};

const variables = {
  ...serviceConfig,
  ...recordLogConfig,
  REDIS_URL: recordLogConfig.REDIS_URL.optional().describe(
    'A running Redis. Default: one of our own in `DATA_DIR/redis`, on loopback, that syncs before it answers.',
  ),
  REDIS_SERVER: filePath().default('redis-server').describe('The program for a Redis of our own.'),
  RETENTION_HOURS: integer({ min: 1, max: 8_784, unit: 'hours' }).default(168).describe('How long records are kept.'),
  RETENTION_ENTRIES: integer({ min: 1_000 })
    .default(1_000_000)
    .describe('Records a partition kept beyond what every subscription has delivered.'),
  ACK_REPLICAS: integer({ min: 0 }).default(0).describe('Replicas that must have a record before it is acknowledged.'),
  ...ingestPort,
  INGEST_ADMIN_PORT: port().default(8081).describe('Health and metrics of ingest.'),
  INGEST_CA_FILE: filePath({ mustExist: true })
    .optional()
    .describe("Vehicle CA bundle, in place of Tesla's. Default with `up`: the development CA."),
  INGEST_CA_BUNDLE: oneOf(['development', 'production', 'engineering'])
    .default('development')
    .describe("`production` or `engineering`: Tesla's own, from `fleetbridge ca fetch`."),
  ...vehicleServer,
  INGEST_KEY_FILE: filePath({ mustExist: true }).optional().describe('Its key.'),
  ALLOWED_VINS: commaList()
    .optional()
    .describe("VINs that may connect, or `*`, or `none` but the file's. Default `*` with the development CA."),
  ALLOWED_VINS_FILE: filePath({ mustExist: true })
    .optional()
    .describe('File of VINs that may connect too, one a line.'),
  DISPATCHER_ADMIN_PORT: port().default(8083).describe('Health and metrics of the dispatcher.'),
  STREAMING_PORT: port().default(8443).describe('Where TeslaMate and other clients connect.'),
  STREAMING_ADMIN_PORT: port().default(8082).describe('Health and metrics of the streaming server.'),
  STREAMING_GRPC_PORT: port().default(50_051).describe('gRPC.'),
  STREAMING_TLS: oneOf(['on', 'off']).default('on').describe('`off`: plain WebSockets, inside a trusted network.'),
  STREAMING_CERT_FILE: filePath({ mustExist: true }).optional().describe('Server certificate for clients (PEM chain).'),
  STREAMING_KEY_FILE: filePath({ mustExist: true }).optional().describe('Its key.'),
  ...streamingHost,
  BRIDGE_TOKEN: secret()
    .optional()
    .describe('A token accepted for every VIN. Default: made once, in `DATA_DIR/tokens`.'),
  AUTH: oneOf(['token', 'none']).default('token').describe('`none`: no token needed, on loopback only unless forced.'),
  TESLA_ACCOUNTS: commaList().default([]).describe('Tesla accounts (`sub`) whose own tokens are admitted.'),
  RESUME_WINDOW: durationSeconds({ min: 10, max: 86_400 })
    .default(900)
    .describe('How long a subscriber that was cut off can catch up.'),
  SIM_VEHICLES: integer({ min: 0, max: 1_000 })
    .optional()
    .describe('Simulated vehicles. Default 1; 0 with a CA of your own.'),
};

export type UpConfig = z.output<z.ZodObject<typeof variables>>;

export const upConfig = defineConfig(variables, {
  checks: (config) => [...pairMistakes(config), ...portMistakes(config), ...admissionMistakes(config)],
});

export const simulateConfig = defineConfig({ ...serviceConfig, ...dataDir, ...ingestPort, ...vehicleServer });
export const certificateConfig = defineConfig({
  ...dataDir,
  TELEMETRY_HOST: vehicleServer.TELEMETRY_HOST,
  ...streamingHost,
});
export const caConfig = defineConfig({
  ...dataDir,
  CA_ACCEPT: commaList()
    .default([])
    .describe("SHA-256 fingerprints of CAs to accept beside those of Tesla's that this version knows."),
});

export const developmentCaFile = (dataDirectory: string) => join(dataDirectory, 'pki', 'ca.pem');

/** Whether vehicles are those of the development CA, of which nobody else has a key. */
export function hasDevelopmentCa(
  config: Pick<UpConfig, 'DATA_DIR' | 'INGEST_CA_FILE'> & Partial<Pick<UpConfig, 'INGEST_CA_BUNDLE'>>,
): boolean {
  const { DATA_DIR, INGEST_CA_FILE, INGEST_CA_BUNDLE = 'development' } = config;
  if (INGEST_CA_FILE === undefined) return INGEST_CA_BUNDLE === 'development';
  return resolve(INGEST_CA_FILE) === resolve(developmentCaFile(DATA_DIR));
}

/** Throws `ConfigError` with every mistake. */
export function loadUpConfig(env: NodeJS.ProcessEnv): UpConfig {
  return loadConfig(upConfig, { env }).config;
}

function pairMistakes(config: Partial<UpConfig>): Mistake[] {
  return (['INGEST', 'STREAMING'] as const).flatMap((server) => {
    const [cert, key] = [`${server}_CERT_FILE`, `${server}_KEY_FILE`] as const;
    if ((config[cert] === undefined) === (config[key] === undefined)) return [];
    const [missing, given] = config[cert] === undefined ? [cert, key] : [key, cert];
    return [{ variable: missing, problem: `must be set when ${given} is set` }];
  });
}

const ports = [
  'INGEST_PORT',
  'INGEST_ADMIN_PORT',
  'DISPATCHER_ADMIN_PORT',
  'STREAMING_PORT',
  'STREAMING_ADMIN_PORT',
  'STREAMING_GRPC_PORT',
] as const;

function portMistakes(config: Partial<UpConfig>): Mistake[] {
  return ports.flatMap((variable, index) => {
    const number = config[variable];
    const other = ports.slice(0, index).find((earlier) => number !== undefined && config[earlier] === number);
    if (number === 0 || other === undefined) return [];
    return [{ variable, problem: `expected a port of its own; ${other} has ${number} too` }];
  });
}

function admissionMistakes(config: Partial<UpConfig>): Mistake[] {
  if (config.ALLOWED_VINS !== undefined || config.ALLOWED_VINS_FILE !== undefined) return [];
  const { DATA_DIR, INGEST_CA_FILE, INGEST_CA_BUNDLE = 'development' } = config;
  if (DATA_DIR === undefined || hasDevelopmentCa({ DATA_DIR, INGEST_CA_FILE, INGEST_CA_BUNDLE })) return [];
  const problem = 'must be set with a CA of your own: the VINs that may connect, separated by commas, or * for all';
  return [{ variable: 'ALLOWED_VINS', problem }];
}

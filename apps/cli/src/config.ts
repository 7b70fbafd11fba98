// The variables that the commands read (packages/settings), and the rules between those of `up`. The servers that `up`
// starts check their own again; here all mistakes are found at once, before anything starts.
import { join, resolve } from 'node:path';
import { type ConfigOf, defineConfig, loadConfig, type Mistake } from '@fleetbridge/service';
import { settingsOf } from '@fleetbridge/settings';

export const upConfig = defineConfig(settingsOf('up'), {
  checks: (config): Mistake[] => [...pairMistakes(config), ...portMistakes(config), ...admissionMistakes(config)],
});

export type UpConfig = ConfigOf<typeof upConfig>;

export const logAccessConfig = defineConfig(settingsOf('cli', ['REDIS_URL', 'NAMESPACE', 'PARTITIONS', 'DATA_DIR']));
export const simulateConfig = defineConfig(
  settingsOf('cli', [
    'LOG_LEVEL',
    'LOG_FORMAT',
    'ADMIN_HOST',
    'SHUTDOWN_SECONDS',
    'DATA_DIR',
    'INGEST_PORT',
    'INGEST_CERT_FILE',
    'TELEMETRY_HOST',
    'SIM_TESLA',
    'SIM_TESLA_PORT',
    'SIM_TESLA_KEY_URL',
  ]),
);
export const certificateConfig = defineConfig(settingsOf('cli', ['DATA_DIR', 'TELEMETRY_HOST', 'STREAMING_HOST']));
export const caConfig = defineConfig(settingsOf('cli', ['DATA_DIR', 'CA_ACCEPT']));
export const setupConfig = defineConfig(
  settingsOf('cli', [
    'DATA_DIR',
    'DOMAIN',
    'TELEMETRY_HOST',
    'STREAMING_HOST',
    'INGEST_PORT',
    'ALLOWED_VINS',
    'COMMANDS',
    'TESLA_CLIENT_ID',
    'TESLA_CLIENT_SECRET',
    'TESLA_KEY_FILE',
    'TESLA_REDIRECT_URL',
    'TESLA_REGION',
    'FLEET_API_URL',
    'FLEET_AUTH_URL',
    'FLEET_CA_FILE',
  ]),
);
export type SetupConfig = ConfigOf<typeof setupConfig>;
export const doctorConfig = defineConfig(
  settingsOf('cli', [
    'DATA_DIR',
    'DOMAIN',
    'TELEMETRY_HOST',
    'STREAMING_HOST',
    'INGEST_PORT',
    'STREAMING_PORT',
    'GATEWAY_PORT',
    'CA_ACCEPT',
    'RETENTION_HOURS',
    'TESLA_KEY_FILE',
    'TESLA_REGION',
    'FLEET_API_URL',
    'FLEET_AUTH_URL',
    'FLEET_CA_FILE',
  ]),
);
export const placesConfig = defineConfig(settingsOf('cli', ['GATEWAY_PORT', 'STREAMING_PORT']));
export const admissionConfig = defineConfig(settingsOf('cli', ['ALLOWED_VINS', 'ALLOWED_VINS_FILE']));

export const topicsConfig = defineConfig(settingsOf('cli', ['EXTRA_TOPICS']));

export const developmentCaFile = (dataDirectory: string) => join(dataDirectory, 'pki', 'ca.pem');

/** Whether vehicles have certificates of the development CA. No other installation has its key. */
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
  return (['INGEST', 'STREAMING', 'GATEWAY'] as const).flatMap((server) => {
    const [cert, key] = [`${server}_CERT_FILE`, `${server}_KEY_FILE`] as const;
    if ((config[cert] === undefined) === (config[key] === undefined)) return [];
    const [missing, given] = config[cert] === undefined ? [cert, key] : [key, cert];
    return [{ variable: missing, problem: `must be set when ${given} is set` }];
  });
}

/** The variables of all ports that `up` opens. */
export const ports = [
  'INGEST_PORT',
  'INGEST_ADMIN_PORT',
  'DISPATCHER_ADMIN_PORT',
  'STREAMING_PORT',
  'STREAMING_ADMIN_PORT',
  'STREAMING_GRPC_PORT',
  'GATEWAY_PORT',
  'GATEWAY_ADMIN_PORT',
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

// The child processes of `up` and their environments. A child inherits the user's environment, so that every variable of
// every app can be set and overrides the defaults of `up`. It receives only those secrets that it needs.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bindAddress } from '@fleetbridge/access';
import { fieldFacts, settings } from '@fleetbridge/settings';
import { developmentCaFile, hasDevelopmentCa, type UpConfig } from '../config.js';
import type { PortSpec } from './listening-sockets.js';
import type { ChildSpec } from './supervised-child.js';

export type AppName = 'redis' | 'dispatcher' | 'ingest' | 'streaming' | 'gateway' | 'simulator';

/** A process that accepts work stops before the processes that depend on its output. */
export const stopOrder: readonly AppName[] = ['simulator', 'ingest', 'dispatcher', 'gateway', 'streaming', 'redis'];

export interface ChildFacts {
  readonly env: Readonly<NodeJS.ProcessEnv>;
  readonly config: UpConfig;
  /** Absolute. */
  readonly dataDirectory: string;
  readonly redisUrl: string;
  readonly bridgeToken: string;
}

export function redisSpec({ env, config, dataDirectory }: Omit<ChildFacts, 'redisUrl' | 'bridgeToken'>): ChildSpec {
  return {
    name: 'redis',
    args: [scriptOf('cli', 'redis/redis-guard.js'), config.REDIS_SERVER, join(dataDirectory, 'redis')],
    env: environmentOf('redis', env, { SHUTDOWN_SECONDS: String(config.SHUTDOWN_SECONDS) }),
    // Loading a large append-only file takes minutes.
    readySeconds: 900,
  };
}

export function appSpec(name: 'dispatcher' | 'ingest' | 'streaming' | 'gateway', facts: ChildFacts): ChildSpec {
  const { config, dataDirectory, redisUrl, bridgeToken } = facts;
  const shared = { DATA_DIR: dataDirectory, REDIS_URL: redisUrl };
  const admitted = hasDevelopmentCa(config) && config.ALLOWED_VINS_FILE === undefined ? { ALLOWED_VINS: '*' } : {};
  const defaults = {
    dispatcher: shared,
    ingest: {
      ...shared,
      ...serverCertificate('INGEST', facts),
      // One process is enough for the vehicles of a household; each further one needs 60 MB.
      INGEST_WORKERS: '1',
      ...ingestAddress(facts),
      ...(config.INGEST_CA_BUNDLE === 'development' ? { INGEST_CA_FILE: developmentCaFile(dataDirectory) } : {}),
      ...admitted,
    },
    streaming: { ...shared, ...serverCertificate('STREAMING', facts), BRIDGE_TOKEN: bridgeToken },
    gateway: { ...shared, ...admitted, BRIDGE_TOKEN: bridgeToken },
  };
  return {
    name,
    args: [scriptOf(name, 'main.js')],
    env: environmentOf(name, facts.env, defaults[name]),
    readySeconds: readySecondsOf(name, config),
    ...(name === 'streaming' ? { ports: streamingPorts(config) } : {}),
  };
}

/** At the address that the streaming server would bind to itself. */
function streamingPorts(config: UpConfig): PortSpec[] {
  const { AUTH, AUTH_NONE_ANYWHERE, STREAMING_BIND, STREAMING_PORT, STREAMING_GRPC_PORT } = config;
  const host = bindAddress({
    bind: STREAMING_BIND,
    isAuthRequired: AUTH !== 'none',
    isOpenAllowed: AUTH_NONE_ANYWHERE === true,
  });
  return [
    { name: 'clients', host, port: STREAMING_PORT },
    { name: 'grpc', host, port: STREAMING_GRPC_PORT },
  ];
}

/** Ingest waits, as its status page shows, for Tesla's CAs and for a Redis of the user that keeps what it acknowledges. */
function readySecondsOf(name: AppName, config: UpConfig): number {
  const mayWait = name === 'ingest' && (!hasDevelopmentCa(config) || config.REDIS_URL !== undefined);
  return mayWait ? 86_400 : 60;
}

/** The other processes expect ingest at these ports, whatever a configuration file of Tesla's Go server contains. */
function ingestAddress({ config }: ChildFacts): Readonly<Record<string, string>> {
  const { INGEST_CONFIG, NAMESPACE, INGEST_PORT, INGEST_ADMIN_PORT } = config;
  if (INGEST_CONFIG === undefined) return {};
  return { NAMESPACE, INGEST_PORT: String(INGEST_PORT), INGEST_ADMIN_PORT: String(INGEST_ADMIN_PORT) };
}

export function simulatorSpec(
  vins: readonly string[],
  facts: Pick<ChildFacts, 'env' | 'config' | 'dataDirectory'>,
): ChildSpec {
  const { config, dataDirectory } = facts;
  return {
    name: 'simulator',
    args: [scriptOf('cli', 'main.js'), 'simulate', ...vins.flatMap((vin) => ['--vin', vin])],
    env: environmentOf('simulator', facts.env, {
      DATA_DIR: dataDirectory,
      INGEST_PORT: String(config.INGEST_PORT),
      ...(config.SIM_TESLA ? { SIM_TESLA_KEY_URL: publicKeyUrl(config) } : {}),
    }),
    readySeconds: 60,
  };
}

/** Where the gateway serves the application's public key. */
function publicKeyUrl({ GATEWAY_CERT_FILE, GATEWAY_PORT }: UpConfig): string {
  const scheme = GATEWAY_CERT_FILE === undefined ? 'http' : 'https';
  return `${scheme}://localhost:${GATEWAY_PORT}/.well-known/appspecific/com.tesla.3p.public-key.pem`;
}

/** The VINs of the simulated vehicles, from 5YJ3E1EA7KF000001 upwards. */
export function simulatedVins(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `5YJ3E1EA7KF${String(index + 1).padStart(6, '0')}`);
}

/** Variables with a secret, and the processes that read them. REDIS_URL contains the password of Redis. */
const secrets: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries(settings)
    .filter(([name, { value }]) => name === 'REDIS_URL' || fieldFacts(value).secret)
    .map(([name, { readBy }]) => [name, readBy]),
);
/** Secrets that `up` reads itself and passes on. */
const readByUp: ReadonlySet<string> = new Set(['REDIS_URL', 'BRIDGE_TOKEN']);

function environmentOf(
  name: AppName,
  env: Readonly<NodeJS.ProcessEnv>,
  defaults: Readonly<Record<string, string>>,
): NodeJS.ProcessEnv {
  const own = Object.entries(env).filter(([variable, value]) => {
    const base = variable.replace(/_FILE$/, '');
    const isForeignSecret = Object.hasOwn(secrets, base) && secrets[base]?.includes(name) !== true;
    // `up` has read X_FILE already, and the apps reject X and X_FILE together.
    const isReadAlready = variable !== base && readByUp.has(base);
    return !isForeignSecret && !isReadAlready && value?.trim() !== '';
  });
  // The supervisor parses the output.
  return { ...defaults, ...Object.fromEntries(own), ...absolute(defaults), LOG_FORMAT: 'json' };
}

/** DATA_DIR as an absolute path, independent of the working directory. */
function absolute({ DATA_DIR }: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return DATA_DIR === undefined ? {} : { DATA_DIR };
}

function serverCertificate(server: 'INGEST' | 'STREAMING', { config, dataDirectory }: ChildFacts) {
  // A certificate never comes without its key: the configuration is checked for that.
  if (config[`${server}_CERT_FILE`] !== undefined) return {};
  return {
    [`${server}_CERT_FILE`]: join(dataDirectory, 'pki', 'server.pem'),
    [`${server}_KEY_FILE`]: join(dataDirectory, 'pki', 'server.key'),
  };
}

/** False in a container image, where the CLI is one file and the apps run in other containers. */
export function hasApps(): boolean {
  return existsSync(scriptOf('ingest', 'main.js'));
}

/** This file is apps/cli/dist/supervisor/children.js (or its source in src). */
function scriptOf(app: 'cli' | 'dispatcher' | 'ingest' | 'streaming' | 'gateway', file: string): string {
  return resolve(fileURLToPath(new URL('../../..', import.meta.url)), app, 'dist', file);
}

// The text that `up` prints when all services run: addresses, files, and lines to copy into TeslaMate's environment.
import { join } from 'node:path';
import type { UpConfig } from '../config.js';

export interface WelcomeFacts {
  readonly config: UpConfig;
  readonly dataDirectory: string;
  readonly token: string;
  /** Absent when the user has set REDIS_URL. */
  readonly redisUrlFile?: string;
  readonly vins: readonly string[];
  /** Whether the gateway runs. */
  readonly hasGateway?: boolean;
}

export function welcome(facts: WelcomeFacts): string {
  const { config, dataDirectory, token, redisUrlFile, vins, hasGateway = false } = facts;
  const telemetryHost = config.TELEMETRY_HOST ?? 'localhost';
  const admin = (port: number) => adminUrl(config, port);
  const adminPorts = [config.INGEST_ADMIN_PORT, config.STREAMING_ADMIN_PORT, config.DISPATCHER_ADMIN_PORT];
  const admins = [...adminPorts, ...(hasGateway ? [config.GATEWAY_ADMIN_PORT] : [])].map(admin);
  return [
    '',
    'fleetbridge is running.',
    '',
    `  ingest       wss://${telemetryHost}:${config.INGEST_PORT}`,
    `  streaming    ${streamingUrl(config)}/streaming/`,
    ...(hasGateway ? [`  gateway      ${gatewayUrl(config)}/api/1/products`] : []),
    `  status page  ${admins[0]}/`,
    `  health       ${admins.map((url) => `${url}/readyz`).join('  ')}`,
    ...(config.AUTH === 'none' ? ['  token        not required (AUTH=none)'] : [`  token        ${token}`]),
    redisUrlFile === undefined ? '  Redis        as set in REDIS_URL' : `  Redis        URL in ${redisUrlFile}`,
    `  certificates ${join(dataDirectory, 'pki')}`,
    `  logs         ${join(dataDirectory, 'logs')}`,
    `  simulated    ${vins.length === 0 ? 'none' : vins.length <= 3 ? vins.join(', ') : `${vins[0]} and ${vins.length - 1} more`}`,
    ...(config.SIM_TESLA
      ? [
          `  Fleet API    https://localhost:${config.SIM_TESLA_PORT} (simulated; no car connects without a configuration)`,
        ]
      : []),
    '',
    ...(hasGateway
      ? [
          'Environment of TeslaMate if it polls this gateway, so that nothing is read from Tesla:',
          '',
          ...indented([...gatewayBlock(config), ...streamingBlock(config), `TOKEN=?token=${token}`]),
          '',
        ]
      : []),
    'Environment of TeslaMate if it polls another gateway or provider of the Fleet API:',
    '',
    ...indented([...streamingBlock(config), `TOKEN=?token=${token}`]),
    '',
    "Environment of TeslaMate if it polls Tesla's Fleet API with its own tokens:",
    '',
    ...indented(streamingBlock(config)),
    ...(config.TESLA_ACCOUNTS.length > 0 || config.AUTH === 'none'
      ? []
      : ['  (also set TESLA_ACCOUNTS=<"sub" of your Tesla account> for fleetbridge, so that it accepts those tokens)']),
    '',
    ...(config.STREAMING_HOST === undefined
      ? [
          'If TeslaMate runs in a container or on another machine, replace localhost by the name of this machine (STREAMING_HOST).',
          '',
        ]
      : []),
    `Status page: ${admins[0]}/   Press Ctrl-C to stop.`,
    '',
  ].join('\n');
}

export function adminUrl({ ADMIN_HOST: host }: Pick<UpConfig, 'ADMIN_HOST'>, port: number): string {
  return `http://${host === '0.0.0.0' ? 'localhost' : host}:${port}`;
}

/** Where REST clients connect. */
function gatewayUrl({ GATEWAY_CERT_FILE, GATEWAY_HOST = 'localhost', GATEWAY_PORT }: UpConfig): string {
  return `${GATEWAY_CERT_FILE === undefined ? 'http' : 'https'}://${GATEWAY_HOST}:${GATEWAY_PORT}`;
}

function gatewayBlock(config: UpConfig): string[] {
  const url = gatewayUrl(config);
  return [`TESLA_API_HOST=${url}`, `TESLA_AUTH_HOST=${url}`, 'TESLA_AUTH_PATH=/oauth2/v3'];
}

/** Where streaming clients connect, without the path. */
export function streamingUrl(config: UpConfig): string {
  return `${config.STREAMING_TLS ? 'wss' : 'ws'}://${config.STREAMING_HOST ?? 'localhost'}:${config.STREAMING_PORT}`;
}

function streamingBlock(config: UpConfig): string[] {
  const isSelfSigned = config.STREAMING_TLS && config.STREAMING_CERT_FILE === undefined;
  return [
    `TESLA_WSS_HOST=${streamingUrl(config)}`,
    ...(isSelfSigned ? ['TESLA_WSS_TLS_ACCEPT_INVALID_CERTS=true'] : []),
    'TESLA_WSS_USE_VIN=true',
  ];
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

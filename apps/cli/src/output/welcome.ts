// What `up` prints once everything runs: where things are, and the lines to copy into TeslaMate's environment.
import { join } from 'node:path';
import type { UpConfig } from '../config.js';

export interface WelcomeFacts {
  readonly config: UpConfig;
  readonly dataDirectory: string;
  readonly token: string;
  /** Absent with a Redis of the user's own. */
  readonly redisUrlFile?: string;
  readonly vins: readonly string[];
}

export function welcome(facts: WelcomeFacts): string {
  const { config, dataDirectory, token, redisUrlFile, vins } = facts;
  const telemetryHost = config.TELEMETRY_HOST ?? 'localhost';
  const admin = (port: number) => `http://${config.ADMIN_HOST === '0.0.0.0' ? 'localhost' : config.ADMIN_HOST}:${port}`;
  const admins = [config.INGEST_ADMIN_PORT, config.STREAMING_ADMIN_PORT, config.DISPATCHER_ADMIN_PORT].map(admin);
  return [
    '',
    'fleetbridge is running.',
    '',
    `  vehicles     wss://${telemetryHost}:${config.INGEST_PORT}`,
    `  streaming    ${streamingUrl(config)}/streaming/`,
    `  status page  ${admins[0]}/`,
    `  health       ${admins.map((url) => `${url}/readyz`).join('  ')}`,
    ...(config.AUTH === 'none' ? ['  token        none needed (AUTH=none)'] : [`  token        ${token}`]),
    redisUrlFile === undefined ? '  Redis        yours (REDIS_URL)' : `  Redis        its URL is in ${redisUrlFile}`,
    `  certificates ${join(dataDirectory, 'pki')}`,
    `  logs         ${join(dataDirectory, 'logs')}`,
    `  simulated    ${vins.length === 0 ? 'none' : vins.length <= 3 ? vins.join(', ') : `${vins[0]} and ${vins.length - 1} more`}`,
    '',
    "TeslaMate's environment, when a gateway or a provider answers its polling:",
    '',
    ...indented([...streamingBlock(config), `TOKEN=?token=${token}`]),
    '',
    "TeslaMate's environment, when it polls Tesla's Fleet API with its own tokens:",
    '',
    ...indented(streamingBlock(config)),
    ...(config.TESLA_ACCOUNTS.length > 0 || config.AUTH === 'none'
      ? []
      : ['  (and here TESLA_ACCOUNTS=<the "sub" of your Tesla account>, so that those tokens are admitted)']),
    '',
    ...(config.STREAMING_HOST === undefined
      ? ['From a container or another machine use the name of this machine in place of localhost (STREAMING_HOST).', '']
      : []),
    'Ctrl-C stops everything.',
    '',
  ].join('\n');
}

/** Where streaming clients connect, without the path. */
export function streamingUrl(config: UpConfig): string {
  return `${config.STREAMING_TLS ? 'wss' : 'ws'}://${config.STREAMING_HOST ?? 'localhost'}:${config.STREAMING_PORT}`;
}

function streamingBlock(config: UpConfig): string[] {
  const isSelfMade = config.STREAMING_TLS && config.STREAMING_CERT_FILE === undefined;
  return [
    `TESLA_WSS_HOST=${streamingUrl(config)}`,
    ...(isSelfMade ? ['TESLA_WSS_TLS_ACCEPT_INVALID_CERTS=true'] : []),
    'TESLA_WSS_USE_VIN=true',
  ];
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

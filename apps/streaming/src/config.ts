// The streaming server's variables: validation, defaults and documentation in one.

import { bindAddress, createAddressOf, isBindAllowed, TESLA_KEYS_URL, teslaIssuers } from '@fleetbridge/access';
import { serverCertificateFiles } from '@fleetbridge/pki';
import {
  type ConfigOf,
  commaList,
  defineConfig,
  durationSeconds,
  filePath,
  flag,
  integer,
  type Mistake,
  oneOf,
  port,
  recordLogConfig,
  secret,
  serviceConfig,
  text,
  url,
} from '@fleetbridge/service';
import type { z } from 'zod';
import { parseVehicleIds } from './owner/index.js';

const variables = {
  ...recordLogConfig,
  ...serviceConfig,
  STREAMING_BIND: text({ expected: 'an address of this machine' })
    .optional()
    .describe('Where clients connect; default: all addresses, with `AUTH=none` 127.0.0.1.'),
  STREAMING_PORT: port()
    .default(8443)
    .describe('Port for TeslaMate (`/streaming/`) and HTTP (`/vehicles`, `/events`, `/openapi.json`).'),
  STREAMING_GRPC_PORT: port().default(50_051).describe('Port for gRPC, `fleetbridge.v1.Telemetry`.'),
  STREAMING_ADMIN_PORT: port().default(8082).describe('Port for `/healthz`, `/readyz`, `/metrics`.'),
  STREAMING_WORKERS: integer({ min: 1, max: 64 })
    .default(1)
    .describe('Processes that serve clients. The ports are held by another one, so that they outlive these.'),
  STREAMING_TLS: flag().default(true).describe('`off`: plain ws, HTTP and gRPC, inside a trusted network.'),
  STREAMING_CERT_FILE: filePath()
    .optional()
    .describe(
      'Certificate with its chain (PEM); default: `DATA_DIR/pki/server.pem`. `/*/` stands for any folder, as one an issuer: of those the one that ends last, and until there is one the default.',
    ),
  STREAMING_KEY_FILE: filePath().optional().describe('Its key (PEM); default: `DATA_DIR/pki/server.key`.'),
  AUTH: oneOf(['token', 'none']).default('token').describe('`none`: everybody who can connect hears everything.'),
  AUTH_NONE_ANYWHERE: flag().default(false).describe('Allows `AUTH=none` on other addresses than loopback.'),
  BRIDGE_TOKEN: secret()
    .optional()
    .describe('A token that is accepted for every VIN. More come from `fleetbridge token create`.'),
  TESLA_ACCOUNTS: commaList()
    .default([])
    .describe('Tesla accounts (`sub`) whose own access tokens are accepted; or `fleetbridge token trust`.'),
  TESLA_JWKS: text({ expected: 'a URL or the path of a file' })
    .default(TESLA_KEYS_URL)
    .describe("Keys that Tesla's tokens are verified with. In China: those of auth.tesla.cn."),
  TESLA_ISSUERS: commaList().default(teslaIssuers).describe("Who may have issued Tesla's tokens."),
  TRUSTED_PROXIES: commaList()
    .default([])
    .describe('Addresses and networks (10.0.0.0/8) whose X-Forwarded-For counts. Wrong tokens are limited by address.'),
  VEHICLE_IDS: commaList()
    .default([])
    .describe("VINs of TeslaMate's numeric vehicle ids, for a TeslaMate without TESLA_WSS_USE_VIN.")
    .meta({ example: '1234567890=5YJ3E1EA7KF000001' }),
  ELEVATION_URL: url({ protocols: ['http', 'https'] })
    .optional()
    .describe("A service that speaks Open Topo Data's API and gives frames their elevation. Off when unset.")
    .meta({ example: 'https://api.opentopodata.org/v1/eudem25m' }),
  RESUME_WINDOW: durationSeconds({ min: 10, max: 86_400 })
    .default(900)
    .describe('How long a subscriber that was cut off can catch up on what it missed.'),
  PUBSUB_PUSH_AUDIENCE: text()
    .optional()
    .describe('Audience of the Google Pub/Sub push subscription that posts to `/`. Without these three: 404.'),
  PUBSUB_PUSH_ACCOUNT: text({ pattern: /@/, expected: 'the e-mail address of a service account' })
    .optional()
    .describe('Service account that signs its pushes.'),
  PUBSUB_PUSH_TOKEN: secret().optional().describe('Instead of these two: a secret in its URL, `/?token=…`.'),
  PUBSUB_PUSH_JWKS: text({ expected: 'a URL or the path of a file' })
    .default('https://www.googleapis.com/oauth2/v3/certs')
    .describe("Keys that Google's tokens are verified with."),
  ALLOWED_VINS: commaList()
    .optional()
    .describe('VINs whose records a push may bring, or `*`. Must be set for it.')
    .meta({ example: '5YJ3E1EA7KF000001,5YJ3E1EA7KF000002' }),
  ACK_REPLICAS: integer({ min: 0, max: 10 })
    .default(0)
    .describe('Redis replicas that must have a pushed record before the push is answered.'),
};

type Given = Partial<z.output<z.ZodObject<typeof variables>>>;

export const streamingConfig = defineConfig(variables, {
  checks: (config) => [...authMistakes(config), ...pushMistakes(config), ...listMistakes(config)],
});

export type StreamingConfig = ConfigOf<typeof streamingConfig>;

function authMistakes(config: Given): Mistake[] {
  if (isBindAllowed(bindPolicy(config))) return [];
  return [
    {
      variable: 'AUTH',
      problem: `none is for loopback only, STREAMING_BIND is ${config.STREAMING_BIND}; use tokens, or set AUTH_NONE_ANYWHERE=on if the network is yours`,
    },
  ];
}

function pushMistakes({
  PUBSUB_PUSH_AUDIENCE,
  PUBSUB_PUSH_ACCOUNT,
  PUBSUB_PUSH_TOKEN,
  ALLOWED_VINS,
}: Given): Mistake[] {
  const mistakes: Mistake[] = [];
  if ((PUBSUB_PUSH_AUDIENCE === undefined) !== (PUBSUB_PUSH_ACCOUNT === undefined)) {
    const [missing, given] =
      PUBSUB_PUSH_AUDIENCE === undefined
        ? ['PUBSUB_PUSH_AUDIENCE', 'PUBSUB_PUSH_ACCOUNT']
        : ['PUBSUB_PUSH_ACCOUNT', 'PUBSUB_PUSH_AUDIENCE'];
    mistakes.push({ variable: missing, problem: `must be set when ${given} is set` });
  }
  const isOn = PUBSUB_PUSH_AUDIENCE !== undefined || PUBSUB_PUSH_TOKEN !== undefined;
  if (isOn && ALLOWED_VINS === undefined) {
    const problem = 'must be set for a Pub/Sub push; expected VINs separated by commas, or *';
    mistakes.push({ variable: 'ALLOWED_VINS', problem });
  }
  return mistakes;
}

function listMistakes({ TRUSTED_PROXIES = [], VEHICLE_IDS = [] }: Given): Mistake[] {
  const mistakes: Mistake[] = [];
  try {
    createAddressOf(TRUSTED_PROXIES);
  } catch (error) {
    const problem = `expected addresses and networks such as 10.0.0.0/8; "${(error as RangeError).message}" is neither`;
    mistakes.push({ variable: 'TRUSTED_PROXIES', problem });
  }
  const ids = parseVehicleIds(VEHICLE_IDS);
  if (ids instanceof RangeError) {
    mistakes.push({ variable: 'VEHICLE_IDS', problem: `expected <id>=<VIN>, got "${ids.message}"` });
  }
  return mistakes;
}

/** The files and addresses that the defaults stand for. */
export function withDefaults(config: StreamingConfig) {
  const { DATA_DIR, STREAMING_CERT_FILE, STREAMING_KEY_FILE } = config;
  return {
    ...serverCertificateFiles({ certFile: STREAMING_CERT_FILE, keyFile: STREAMING_KEY_FILE, dataDir: DATA_DIR }),
    bind: bindAddress(bindPolicy(config)),
  };
}

function bindPolicy({ AUTH, AUTH_NONE_ANYWHERE, STREAMING_BIND }: Given) {
  return { bind: STREAMING_BIND, isAuthRequired: AUTH !== 'none', isOpenAllowed: AUTH_NONE_ANYWHERE === true };
}

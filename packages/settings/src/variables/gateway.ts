// The gateway: the part of Tesla's Fleet API that TeslaMate and similar programs poll, answered from telemetry.
import {
  commaList,
  durationSeconds,
  filePath,
  flag,
  hostName,
  integer,
  listenAddress,
  oneOf,
  port,
} from '../values/index.js';
import { setting } from './setting.js';

const readablePair = {
  value: filePath({ mustExist: true, orPattern: true }).optional(),
  reason: '`up` and other commands require a readable file before they start, unless the path has a `/*/`.',
};

export const gatewaySettings = {
  GATEWAY_BIND: setting({
    value: listenAddress().optional(),
    readBy: ['gateway'],
    description: 'Address that clients connect to. Default: all addresses with TLS, otherwise 127.0.0.1.',
  }),
  GATEWAY_PORT: setting({
    value: port().default(8080),
    readBy: ['gateway', 'up', 'cli'],
    description: 'Port for REST (`/api/1/…`) and sign-in (`/oauth2/v3/token`).',
  }),
  GATEWAY_ADMIN_PORT: setting({
    value: port().default(8084),
    readBy: ['gateway', 'up'],
    description: 'Port for `/healthz`, `/readyz`, `/metrics`.',
  }),
  GATEWAY_HOST: setting({
    value: hostName().optional(),
    readBy: ['up'],
    description: 'The name under which TeslaMate reaches the gateway.',
    example: 'gateway.example.com',
  }),
  GATEWAY_CERT_FILE: setting({
    value: filePath().optional(),
    readBy: ['gateway', 'up'],
    description: 'Server certificate for clients with its chain (PEM). Default: plain HTTP.',
    details: [
      'TeslaMate verifies it with the CAs of its system and requires TLS 1.3. `/*/` in the path matches any folder, as for',
      '`STREAMING_CERT_FILE`.',
    ].join('\n'),
    overrides: { up: readablePair },
  }),
  GATEWAY_KEY_FILE: setting({
    value: filePath().optional(),
    readBy: ['gateway', 'up'],
    description: 'Private key of `GATEWAY_CERT_FILE` (PEM).',
    overrides: { up: readablePair },
  }),
  GATEWAY_PLAIN_HTTP: setting({
    value: flag().default(false),
    readBy: ['gateway'],
    description: '`on`: plain HTTP on other addresses than loopback, for a trusted network or behind a proxy.',
  }),
  GATEWAY_UPSTREAM_PATHS: setting({
    value: commaList().default([]),
    readBy: ['gateway'],
    description: "Paths of Tesla's Fleet API that the gateway forwards with the owner's account (docs/gateway.md).",
    details: '`*` matches one part of a path. Only `GET` is possible. Tesla bills each call.',
    example: 'GET /api/1/vehicles/*/nearby_charging_sites',
  }),
  GATEWAY_UPSTREAM_CALLS_PER_DAY: setting({
    value: integer({ min: 0, max: 100_000 }).default(50),
    readBy: ['gateway'],
    description: 'Most calls to Tesla per day (UTC) for forwarded paths and `?refresh=true`, of all gateways together.',
    details: '0: no call. US$1 pays for 500 calls.',
  }),
  GATEWAY_UPSTREAM_CALLS_PER_MONTH: setting({
    value: integer({ min: 0, max: 1_000_000 }).default(500),
    readBy: ['gateway'],
    description:
      'Most calls to Tesla per month (UTC) for forwarded paths and `?refresh=true`, of all gateways together.',
    details: '0: no call.',
  }),
  COMMANDS: setting({
    value: flag().default(false),
    readBy: ['gateway', 'cli'],
    description: '`on`: the gateway signs vehicle commands and sends them through Tesla (docs/commands.md).',
    details: '`setup` then asks Tesla to allow vehicle commands too.',
  }),
  COMMAND_STATUS_CODES: setting({
    value: oneOf(['standard', 'proxy']).default('standard'),
    readBy: ['gateway'],
    description: "`proxy`: answers of commands have the statuses of Tesla's tesla-http-proxy.",
    details: '`standard`: 408 asleep, 412 key not paired, 504 time limit. `proxy`: 500 for all of them.',
  }),
  COMMANDS_PLAIN_HTTP: setting({
    value: flag().default(false),
    readBy: ['gateway'],
    description: '`on`: allows `COMMANDS=on` with plain HTTP on other addresses than loopback.',
    details:
      'For a private container network only: a program that reads a request there can send commands with its token.',
  }),
  CONFIGURATION_WATCH: setting({
    value: flag().default(true),
    readBy: ['gateway'],
    description: '`off`: telemetry configurations that were removed, refused or have expired are not sent again.',
    details: [
      'Only those that `fleetbridge setup` or `config apply` has sent are watched: four requests to Tesla a day and vehicle,',
      'at most one an hour. Each is sent again at most once in six hours and three times a day, and never after a limit of',
      'Tesla is reached.',
    ].join('\n'),
  }),
  OFFLINE_AFTER: setting({
    value: durationSeconds({ max: 3_600 }).default(10),
    readBy: ['streaming', 'gateway'],
    description:
      'How long after its disconnect a parked vehicle is reported as asleep or offline, by REST and streaming.',
    details: 'A vehicle that disconnects in a drive is reported as offline after 120 seconds.',
  }),
};

// Vehicles: where ingest listens, and which of them may connect.
import { commaList, filePath, hostName, integer, listenAddress, port } from '../values/index.js';
import { setting } from './setting.js';

const readableVinFile = {
  value: filePath({ mustExist: true }).optional(),
  reason: '`up` and other commands require a readable file before they start.',
};

export const vehicleSettings = {
  INGEST_CONFIG: setting({
    value: filePath().optional(),
    readBy: ['ingest', 'up'],
    description: "Configuration file of Tesla's Go server; the argument `--config` has priority.",
    details:
      'Ingest reads the file as it is; environment variables have priority over it. docs/migration.md lists its keys.',
  }),
  INGEST_HOST: setting({
    value: listenAddress().optional(),
    readBy: ['ingest'],
    description: 'Address that `INGEST_PORT` listens on. Default: all addresses.',
  }),
  INGEST_PORT: setting({
    value: port().default(4443),
    readBy: ['ingest', 'up', 'cli'],
    description: 'Port for vehicles: mutual TLS, WebSocket on any path, `/status`.',
  }),
  INGEST_ADMIN_PORT: setting({
    value: port().default(8081),
    readBy: ['ingest', 'up'],
    description: 'Port for `/` (a status page), `/healthz`, `/readyz`, `/metrics`.',
  }),
  TELEMETRY_HOST: setting({
    value: hostName().optional(),
    readBy: ['ingest', 'up', 'cli'],
    description: 'The name under which vehicles reach ingest.',
    details: [
      'The status page checks that the server certificate is valid for this name. `up` and `fleetbridge cert server`',
      'add the name to the development certificate.',
    ].join('\n'),
    example: 'telemetry.example.com',
  }),
  INGEST_WORKERS: setting({
    value: integer({ min: 1, max: 256 }).optional(),
    readBy: ['ingest'],
    description: 'Processes that share `INGEST_PORT`. Default: one per core; with `up`, 1.',
  }),
  ALLOWED_VINS: setting({
    value: commaList().optional(),
    readBy: ['ingest', 'streaming', 'gateway', 'up', 'cli'],
    description: 'VINs that may connect; `*`: all. Default `*` with the development CA, required otherwise.',
    details: [
      '`none` admits only the VINs of `ALLOWED_VINS_FILE` and of `fleetbridge vehicle allow`. The streaming server uses',
      'the list for records that a Pub/Sub push brings, and requires it when a push is configured.',
    ].join('\n'),
    example: '5YJ3E1EA7KF000001,5YJ3E1EA7KF000002',
  }),
  ALLOWED_VINS_FILE: setting({
    value: filePath().optional(),
    readBy: ['ingest', 'gateway', 'up', 'cli'],
    description: 'File of more VINs that may connect: one per line, `#` begins a comment. Reloaded when it changes.',
    overrides: { up: readableVinFile, cli: readableVinFile },
  }),
  MAX_CONNECTIONS: setting({
    value: integer({ min: 0 }).default(50_000),
    readBy: ['ingest'],
    description: 'Maximum number of connected vehicles; more are rejected with 503. 0: no limit.',
    details: [
      'Counts sockets: a replaced connection counts until its socket is closed, at most 2 s. With several workers each has an',
      'equal share.',
    ].join('\n'),
  }),
  RATE_LIMIT_RECORDS: setting({
    value: integer({ min: 0 }).default(0),
    readBy: ['ingest'],
    description: 'Messages that one vehicle may send per `RATE_LIMIT_SECONDS`. 0: no limit.',
    details: 'Above the limit, ingest reads from the socket later. No message is lost.',
  }),
  RATE_LIMIT_SECONDS: setting({
    value: integer({ min: 1, max: 86_400, unit: 'seconds' }).default(60),
    readBy: ['ingest'],
    description: 'The period of `RATE_LIMIT_RECORDS`.',
  }),
  VEHICLE_BYTES_PER_MINUTE: setting({
    value: integer({ min: 0, unit: 'bytes' }).default(2_000_000),
    readBy: ['ingest'],
    description: 'Bytes that one vehicle may send per minute. 0: no limit.',
    details: [
      'A vehicle may use the bytes of a minute at once. Above the limit, ingest reads from its socket later; no record is',
      'lost. A vehicle with many signals sends some 100 KB per minute. So one vehicle cannot fill Redis.',
    ].join('\n'),
  }),
  PROXY_PROTOCOL_FROM: setting({
    value: commaList().default([]),
    readBy: ['ingest'],
    description: 'Addresses and networks of TCP load balancers that send a PROXY header (v1 or v2).',
    details: 'Connections from these addresses must begin with the header. From other addresses it is rejected.',
    example: '10.0.0.0/8',
  }),
};

// The streaming server: its ports, and what clients get.
import { commaList, durationSeconds, flag, hostName, integer, listenAddress, port, url } from '../values/index.js';
import { setting } from './setting.js';

export const streamingSettings = {
  STREAMING_BIND: setting({
    value: listenAddress().optional(),
    readBy: ['streaming', 'up'],
    description: 'Address that clients connect to. Default: all addresses; with `AUTH=none`, 127.0.0.1.',
  }),
  STREAMING_PORT: setting({
    value: port().default(8443),
    readBy: ['streaming', 'up', 'cli'],
    description: 'Port for TeslaMate (`/streaming/`) and HTTP (`/vehicles`, `/events`, `/openapi.json`).',
  }),
  STREAMING_GRPC_PORT: setting({
    value: port().default(50_051),
    readBy: ['streaming', 'up'],
    description: 'Port for gRPC (`fleetbridge.v1.Telemetry`).',
  }),
  STREAMING_ADMIN_PORT: setting({
    value: port().default(8082),
    readBy: ['streaming', 'up'],
    description: 'Port for `/healthz`, `/readyz`, `/metrics`.',
  }),
  STREAMING_WORKERS: setting({
    value: integer({ min: 1, max: 64 }).default(1),
    readBy: ['streaming'],
    description: 'Processes that serve clients. A separate process holds the ports, so they stay open.',
  }),
  STREAMING_TLS: setting({
    value: flag().default(true),
    readBy: ['streaming', 'up'],
    description: '`off`: WebSocket, HTTP and gRPC without TLS, for a trusted network.',
  }),
  STREAMING_HOST: setting({
    value: hostName().optional(),
    readBy: ['up', 'cli'],
    description: 'The name under which TeslaMate reaches the streaming server; the development certificate has it.',
    example: 'streaming.example.com',
  }),
  RESUME_WINDOW: setting({
    value: durationSeconds({ min: 10, max: 86_400 }).default(900),
    readBy: ['streaming', 'up'],
    description: 'How long after a disconnect a subscriber can still receive what it missed.',
  }),
  VEHICLE_IDS: setting({
    value: commaList().default([]),
    readBy: ['streaming', 'gateway'],
    description: "VINs of TeslaMate's numeric vehicle ids, for a TeslaMate without `TESLA_WSS_USE_VIN`.",
    example: '1234567890=5YJ3E1EA7KF000001',
  }),
  ELEVATION_URL: setting({
    value: url({ protocols: ['http', 'https'] }).optional(),
    readBy: ['streaming'],
    description: 'A service with the API of Open Topo Data that adds the elevation to frames. Default: no elevation.',
    example: 'https://api.opentopodata.org/v1/eudem25m',
  }),
};

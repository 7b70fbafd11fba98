// The dispatcher's variables: validation, defaults and documentation in one.
import { type ConfigOf, defineConfig, integer, port, recordLogConfig, serviceConfig } from '@fleetbridge/service';

export const dispatcherConfig = defineConfig({
  ...recordLogConfig,
  ...serviceConfig,
  DISPATCHER_ADMIN_PORT: port().default(8083).describe('Port for `/healthz`, `/readyz`, `/metrics`.'),
  RETENTION_HOURS: integer({ min: 1, max: 8_784, unit: 'hours' })
    .default(168)
    .describe('Older entries leave the log, read or not. A week, as Google Pub/Sub keeps.'),
  RETENTION_ENTRIES: integer({ min: 1_000 })
    .default(1_000_000)
    .describe('Entries a partition keeps at most; more go as soon as every reader has them.'),
});

export type DispatcherConfig = ConfigOf<typeof dispatcherConfig>;

// The dispatcher's variables: validation, defaults and documentation in one.
import {
  type ConfigOf,
  defineConfig,
  filePath,
  flag,
  integer,
  port,
  recordLogConfig,
  serviceConfig,
} from '@fleetbridge/service';
import { mistakesInSubscriptionFile } from './subscription/index.js';

export const dispatcherConfig = defineConfig(
  {
    ...recordLogConfig,
    ...serviceConfig,
    DISPATCHER_ADMIN_PORT: port().default(8083).describe('Port for `/healthz`, `/readyz`, `/metrics`.'),
    DISPATCHER_CONFIG: filePath()
      .optional()
      .describe('YAML file of subscriptions (docs/dispatcher.md). Changes apply without a restart.')
      .meta({ example: 'config/dispatcher.yaml' }),
    VEHICLE_METRICS: flag()
      .default(false)
      .describe(
        '`on`: `/metrics/vehicles` on the admin port tells where each vehicle is, how fast and how full (docs/monitoring.md).',
      ),
    RETENTION_HOURS: integer({ min: 1, max: 8_784, unit: 'hours' })
      .default(168)
      .describe('Older entries leave the log, read or not. A week, as Google Pub/Sub keeps.'),
    RETENTION_ENTRIES: integer({ min: 1_000 })
      .default(1_000_000)
      .describe(
        'Entries a partition keeps at most; more go as soon as snapshots and subscriptions (those not paused) have them.',
      ),
  },
  // with mistakes in the file nothing starts
  { checks: ({ DISPATCHER_CONFIG: path }) => (path === undefined ? [] : mistakesInSubscriptionFile(path)) },
);

export type DispatcherConfig = ConfigOf<typeof dispatcherConfig>;

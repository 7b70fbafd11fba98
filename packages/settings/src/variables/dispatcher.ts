// The dispatcher: its subscriptions from a file, and its metrics.
import { filePath, flag, port } from '../values/index.js';
import { setting } from './setting.js';

export const dispatcherSettings = {
  DISPATCHER_ADMIN_PORT: setting({
    value: port().default(8083),
    readBy: ['dispatcher', 'up'],
    description: 'Port for `/healthz`, `/readyz`, `/metrics`.',
  }),
  DISPATCHER_CONFIG: setting({
    value: filePath().optional(),
    readBy: ['dispatcher'],
    description: 'YAML file of subscriptions (docs/dispatcher.md). Changes apply without a restart.',
    example: 'config/dispatcher.yaml',
  }),
  VEHICLE_METRICS: setting({
    value: flag().default(false),
    readBy: ['dispatcher'],
    description: '`on`: `/metrics/vehicles` on the admin port has location, speed and charge per vehicle.',
    details: 'docs/monitoring.md has these metrics.',
  }),
};

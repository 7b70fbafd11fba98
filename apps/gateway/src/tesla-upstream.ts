// Forwarding with the account that `setup` stores. Connected at the first call: before `setup` there is no account, and Redis
// may not answer yet at the start.
import { randomUUID } from 'node:crypto';
import type { Logger } from '@fleetbridge/service';
import type { Store } from '@fleetbridge/store';
import { connectTesla, type TeslaConnection } from '@fleetbridge/tesla-account';
import type { GatewayConfig } from './config.js';
import type { GatewayCounts } from './metrics.js';
import { createUpstream, parseAllowedPaths, type Upstream } from './upstream/index.js';

export interface TeslaUpstreamOptions {
  store: Store;
  counts: GatewayCounts;
  now: () => number;
  log: Logger;
}

export function openUpstream(config: GatewayConfig, { store, counts, now, log }: TeslaUpstreamOptions): Upstream {
  const allowed = parseAllowedPaths(config.GATEWAY_UPSTREAM_PATHS);
  // the configuration check has already rejected them
  if (allowed instanceof RangeError) throw allowed;
  let connection: Promise<TeslaConnection> | undefined;
  return createUpstream({
    store,
    allowed,
    limits: { perDay: config.GATEWAY_UPSTREAM_CALLS_PER_DAY, perMonth: config.GATEWAY_UPSTREAM_CALLS_PER_MONTH },
    connect: () => {
      connection ??= connectTesla({
        store,
        dataDirectory: config.DATA_DIR,
        settings: config,
        owner: `gateway-${randomUUID()}`,
      }).catch((error) => {
        connection = undefined;
        throw error;
      });
      return connection;
    },
    now,
    onOutcome: (outcome) => counts.observeUpstream(outcome),
    log,
  });
}

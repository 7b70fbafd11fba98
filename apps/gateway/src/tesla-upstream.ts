// Forwarding with the account that `setup` stores.
import type { Logger } from '@fleetbridge/service';
import type { Store } from '@fleetbridge/store';
import type { TeslaConnection } from '@fleetbridge/tesla-account';
import type { GatewayConfig } from './config.js';
import type { GatewayCounts } from './metrics.js';
import { createUpstream, parseAllowedPaths, type Upstream } from './upstream/index.js';

export interface TeslaUpstreamOptions {
  store: Store;
  connect: () => Promise<TeslaConnection>;
  counts: GatewayCounts;
  now: () => number;
  log: Logger;
}

export function openUpstream(
  config: GatewayConfig,
  { store, connect, counts, now, log }: TeslaUpstreamOptions,
): Upstream {
  const allowed = parseAllowedPaths(config.GATEWAY_UPSTREAM_PATHS);
  // the configuration check has already rejected them
  if (allowed instanceof RangeError) throw allowed;
  return createUpstream({
    store,
    allowed,
    limits: { perDay: config.GATEWAY_UPSTREAM_CALLS_PER_DAY, perMonth: config.GATEWAY_UPSTREAM_CALLS_PER_MONTH },
    connect,
    now,
    onOutcome: (outcome) => counts.observeUpstream(outcome),
    log,
  });
}

// The connection to Tesla of this process: one account and one region for everything that is sent there.
import { randomUUID } from 'node:crypto';
import type { Store } from '@fleetbridge/store';
import { connectTesla, type TeslaConnection } from '@fleetbridge/tesla-account';
import type { GatewayConfig } from './config.js';
import type { GatewayCounts } from './metrics.js';

/** Connects at the first call: the region of the account is in Redis, which may not answer yet at the start. */
export function teslaConnection(
  config: GatewayConfig,
  { store, counts }: { store: Store; counts: GatewayCounts },
): () => Promise<TeslaConnection> {
  let connection: Promise<TeslaConnection> | undefined;
  return () => {
    connection ??= connectTesla({
      store,
      dataDirectory: config.DATA_DIR,
      settings: config,
      owner: `gateway-${randomUUID()}`,
      onCall: (call) => counts.observeTeslaCall(call),
    }).catch((error) => {
      connection = undefined;
      throw error;
    });
    return connection;
  };
}

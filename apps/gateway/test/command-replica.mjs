// A gateway process for command-replicas.test.ts, of the build: `node command-replica.mjs` with its settings in the
// environment and FLEET_URL, FLEET_CA, KEY_SCALAR. Prints its port.
import { createLogger, createReadiness, loadConfig } from '@fleetbridge/service';
import { createFleetClient } from '@fleetbridge/simulator';
import { commandKeyFromScalar } from '@fleetbridge/vehicle-command';
import { gatewayConfig } from '../dist/config.js';
import { startGateway } from '../dist/gateway.js';

const { FLEET_URL, FLEET_CA, KEY_SCALAR, ...env } = process.env;
const upstream = createFleetClient({ url: FLEET_URL, caPem: FLEET_CA, accountToken: 'account-token' });

const { port } = await startGateway({
  config: loadConfig(gatewayConfig, { env }).config,
  context: {
    log: createLogger({ name: 'gateway', level: 'error' }),
    signal: new AbortController().signal,
    onStop: () => {},
  },
  readiness: createReadiness({}),
  commandAccount: {
    open: async () => ({ kind: 'opened', key: commandKeyFromScalar(Buffer.from(KEY_SCALAR, 'hex')), upstream }),
  },
});
console.log(`port ${port}`);

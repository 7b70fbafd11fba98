// A gateway process for command-replicas.test.ts, of the build: `node command-replica.mjs` with its settings in the
// environment and FLEET_URL, FLEET_CA, KEY_SCALAR. Prints its port.
import { Agent, request } from 'node:https';
import { createLogger, createReadiness, loadConfig } from '@fleetbridge/service';
import { commandKeyFromScalar, signedCommandBody } from '@fleetbridge/vehicle-command';
import { gatewayConfig } from '../dist/config.js';
import { startGateway } from '../dist/gateway.js';

const { FLEET_URL, FLEET_CA, KEY_SCALAR, ...env } = process.env;
const agent = new Agent({ ca: FLEET_CA, keepAlive: true });

function post(path, body, { timeoutMs }) {
  return new Promise((resolve) => {
    const headers = { authorization: 'Bearer account-token', 'content-type': 'application/json' };
    const call = request(FLEET_URL + path, { method: 'POST', agent, headers, timeout: timeoutMs }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ kind: 'http', status: response.statusCode, body: Buffer.concat(chunks).toString() }),
      );
      response.on('error', (error) => resolve({ kind: 'broken', cause: error.message }));
    });
    call.on('timeout', () => call.destroy(new Error('timed out')));
    call.on('error', (error) => resolve({ kind: 'broken', cause: error.message }));
    call.end(body);
  });
}

const { port } = await startGateway({
  config: loadConfig(gatewayConfig, { env }).config,
  context: {
    log: createLogger({ name: 'gateway', level: 'error' }),
    signal: new AbortController().signal,
    onStop: () => {},
  },
  readiness: createReadiness({}),
  commanding: () => ({
    key: commandKeyFromScalar(Buffer.from(KEY_SCALAR, 'hex')),
    upstream: {
      signedCommand: (vin, message, limit) =>
        post(`/api/1/vehicles/${vin}/signed_command`, signedCommandBody(message), limit),
      plainCommand: (vin, name, body, limit) => post(`/api/1/vehicles/${vin}/command/${name}`, body, limit),
      wakeUp: (vin, limit) => post(`/api/1/vehicles/${vin}/wake_up`, '', limit),
    },
  }),
});
console.log(`port ${port}`);

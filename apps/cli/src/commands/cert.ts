// `fleetbridge cert vehicle <VIN>`: a certificate with which a simulated vehicle or another client connects to ingest.
// `fleetbridge cert server`: the self-signed server certificate of ingest and streaming.
import { join, resolve } from 'node:path';
import { ensureDevelopmentPki, ensureVehicleCertificate } from '@fleetbridge/pki';
import { loadConfig } from '@fleetbridge/service';
import { certificateConfig } from '../config.js';
import { type Command, type Invocation, unknownAction } from './command.js';

export const cert: Command = {
  usage: 'vehicle <VIN> | server [--host <name>]…',
  help: [
    'vehicle  writes DATA_DIR/pki/vehicles/<VIN>.pem and .key, signed by the development CA',
    'server   writes DATA_DIR/pki/server.pem and .key, signed by DATA_DIR/pki/server-ca.pem, for the names of this',
    '         machine, TELEMETRY_HOST, STREAMING_HOST and each --host',
    '',
    'An existing certificate is kept if it covers these names and is valid for at least 30 more days.',
  ],
  actions: ['server', 'vehicle'],
  options: { host: { type: 'string', multiple: true } },
  run({ env, positionals: [kind, vin, ...rest], values, print }) {
    const isVehicle = kind === 'vehicle' && vin !== undefined && rest.length === 0 && values.host === undefined;
    if (!isVehicle && !(kind === 'server' && vin === undefined)) {
      throw unknownAction(kind, ['server', 'vehicle'], 'vehicle <VIN>, or server [--host <name>]…');
    }
    const { config } = loadConfig(certificateConfig, { env });
    const directory = join(resolve(config.DATA_DIR), 'pki');
    const named = [config.TELEMETRY_HOST, config.STREAMING_HOST].filter((host) => host !== undefined);
    const files = isVehicle
      ? ensureVehicleCertificate({ directory, vin })
      : ensureDevelopmentPki({ directory, hosts: [...named, ...hosts(values)], vins: [] }).server;
    print(files.certFile);
    print(files.keyFile);
    return 0;
  },
};

function hosts({ host }: Invocation['values']): string[] {
  return Array.isArray(host) ? host.map(String) : [];
}

// `fleetbridge cert vehicle <VIN>`: a certificate with which a simulated vehicle, or a tool of one's own, can connect.
// `fleetbridge cert server`: the certificate that we make ourselves for those who connect to us.
import { join, resolve } from 'node:path';
import { ensureDevelopmentPki, ensureVehicleCertificate } from '@fleetbridge/pki';
import { loadConfig } from '@fleetbridge/service';
import { type Command, type Invocation, UsageError } from './command.js';
import { certificateConfig } from '../config.js';

export const cert: Command = {
  summary: 'make a development certificate for a vehicle, or for the servers',
  usage: 'vehicle <VIN> | server [--host <name>]…',
  help: [
    'vehicle  writes DATA_DIR/pki/vehicles/<VIN>.pem and .key, signed by the development CA',
    'server   writes DATA_DIR/pki/server.pem and .key, signed by DATA_DIR/pki/server-ca.pem, for this machine,',
    '         TELEMETRY_HOST, STREAMING_HOST and each --host',
    '',
    'What is there, fits and lasts for another 30 days is kept.',
  ],
  options: { host: { type: 'string', multiple: true } },
  run({ env, positionals: [kind, vin, ...rest], values, print }) {
    const isVehicle = kind === 'vehicle' && vin !== undefined && rest.length === 0 && values.host === undefined;
    if (!isVehicle && !(kind === 'server' && vin === undefined)) {
      throw new UsageError('expected: vehicle <VIN>, or server [--host <name>]…');
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

// `fleetbridge cert vehicle <VIN>`: a certificate with which a simulated vehicle, or a tool of one's own, can connect.
import { join, resolve } from 'node:path';
import { ensureVehicleCertificate } from '@fleetbridge/pki';
import { loadConfig } from '@fleetbridge/service';
import { type Command, UsageError } from '../command.js';
import { certificateConfig } from '../config.js';

export const cert: Command = {
  summary: 'make a development certificate for a vehicle',
  usage: 'vehicle <VIN>',
  help: [
    'Writes DATA_DIR/pki/vehicles/<VIN>.pem and .key, signed by the development CA; keeps what is there and valid.',
  ],
  options: {},
  run({ env, positionals: [kind, vin, ...rest], print }) {
    if (kind !== 'vehicle' || vin === undefined || rest.length > 0) throw new UsageError('expected: vehicle <VIN>');
    const { config } = loadConfig(certificateConfig, { env });
    const files = ensureVehicleCertificate({ directory: join(resolve(config.DATA_DIR), 'pki'), vin });
    print(files.certFile);
    print(files.keyFile);
    return 0;
  },
};

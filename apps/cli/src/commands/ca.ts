// `fleetbridge ca`: the development CA that signs simulated vehicles. Made when there is none yet.
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ensureDevelopmentPki } from '@fleetbridge/pki';
import { loadConfig } from '@fleetbridge/service';
import { type Command, UsageError } from '../command.js';
import { certificateConfig } from '../config.js';

export const ca: Command = {
  summary: 'show the development CA (made if there is none)',
  usage: '',
  help: ['Prints where the vehicle CA and the server CA are, their fingerprints and until when they are valid.'],
  options: {},
  run({ env, positionals, print }) {
    if (positionals.length > 0) throw new UsageError(`unexpected argument "${positionals[0]}"`);
    const { config } = loadConfig(certificateConfig, { env });
    const directory = join(resolve(config.DATA_DIR), 'pki');
    const { vehicleAuthority, serverAuthority } = ensureDevelopmentPki({ directory, hosts: [], vins: [] });
    for (const [title, file] of [
      ['vehicle CA', vehicleAuthority.certFile],
      ['server CA', serverAuthority.certFile],
    ] as const) {
      const certificate = new X509Certificate(readFileSync(file));
      print(
        `${title}\n  file     ${file}\n  SHA-256  ${certificate.fingerprint256}\n  until    ${certificate.validTo}`,
      );
    }
    return 0;
  },
};

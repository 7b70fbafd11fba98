// `fleetbridge ca`: shows the development CA, which signs simulated vehicles, and creates it if necessary. `fetch` downloads
// the CAs that sign Tesla's vehicles.
import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  ensureDevelopmentPki,
  fetchTeslaCas,
  TeslaCaError,
  type TeslaCaName,
  teslaCaManualSteps,
} from '@fleetbridge/pki';
import { loadConfig } from '@fleetbridge/service';
import { caConfig } from '../config.js';
import { type Command, type Invocation, UsageError } from './command.js';

export const ca: Command = {
  usage: '[fetch [--from <https URL or file>] [--engineering]]',
  help: [
    'Without arguments: prints the files, fingerprints and expiry dates of the development vehicle CA and server CA.',
    'Creates them in DATA_DIR/pki if they do not exist.',
    '',
    "fetch  downloads Tesla's vehicle CA bundle from Tesla's public fleet-telemetry repository, compares the fingerprint",
    '       of each certificate with the list in this version, and stores the bundle as DATA_DIR/pki/tesla-ca.pem.',
    '       A CA that is not in the list is omitted unless CA_ACCEPT (a comma-separated list) has its fingerprint.',
    '',
    '  --from <source>  read the bundle from another https URL, or from a file',
    "  --engineering    fetch Tesla's engineering CAs and store them as DATA_DIR/pki/tesla-eng-ca.pem",
  ],
  actions: ['fetch'],
  options: { from: { type: 'string' }, engineering: { type: 'boolean' } },
  run(invocation) {
    const { positionals, values } = invocation;
    const [action, ...rest] = positionals;
    if (action === 'fetch' && rest.length === 0) return fetchTeslaBundle(invocation);
    if (action !== undefined) throw new UsageError(`unexpected argument "${rest[0] ?? action}"`);
    if (values.from !== undefined || values.engineering !== undefined) {
      throw new UsageError('--from and --engineering are options of "fleetbridge ca fetch"');
    }
    return showDevelopment(invocation);
  },
};

function showDevelopment({ env, print }: Invocation): number {
  const { config } = loadConfig(caConfig, { env });
  const directory = join(resolve(config.DATA_DIR), 'pki');
  const { vehicleAuthority, serverAuthority } = ensureDevelopmentPki({ directory, hosts: [], vins: [] });
  for (const [title, file] of [
    ['vehicle CA', vehicleAuthority.certFile],
    ['server CA', serverAuthority.certFile],
  ] as const) {
    const certificate = new X509Certificate(readFileSync(file));
    print(`${title}\n  file     ${file}\n  SHA-256  ${certificate.fingerprint256}\n  expires  ${certificate.validTo}`);
  }
  return 0;
}

/** The advice of a failed download does not help against a mistyped path. */
function checkedSource(from: string): string {
  if (/^https?:\/\//i.test(from)) return from;
  const stats = statSync(from, { throwIfNoEntry: false });
  if (stats?.isFile()) return from;
  throw new UsageError(`--from: ${from} ${stats === undefined ? 'does not exist' : 'is not a file'}`);
}

async function fetchTeslaBundle({ env, values, print }: Invocation): Promise<number> {
  const { config } = loadConfig(caConfig, { env });
  const name: TeslaCaName = values.engineering === true ? 'engineering' : 'production';
  const request = { name, directory: join(resolve(config.DATA_DIR), 'pki'), accept: config.CA_ACCEPT };
  try {
    const from = typeof values.from === 'string' ? { from: checkedSource(values.from) } : {};
    const fetched = await fetchTeslaCas({ ...request, ...from });
    const { file, certificates, expired, unknown, missing, isChanged } = fetched;
    print(`${file}: ${certificates.length} Tesla ${name} CAs, ${isChanged ? 'updated' : 'unchanged'}`);
    for (const { subject, notAfter } of expired) print(`  expired on ${notAfter.toISOString()}: ${subject}`);
    for (const { subject, fingerprint } of unknown) {
      print(`  UNKNOWN to this version and omitted: ${subject}`);
      print(`    to accept it: CA_ACCEPT=${fingerprint} fleetbridge ca fetch`);
    }
    if (missing > 0) print(`  ${missing} CAs known to this version are not in the bundle`);
    print(`To accept these vehicles in ingest, set INGEST_CA_BUNDLE=${name} and ALLOWED_VINS.`);
    return 0;
  } catch (error) {
    if (!(error instanceof TeslaCaError)) throw error;
    if (error.storedFile === undefined)
      throw new Error(`${error.message}\n${teslaCaManualSteps(name)}`, { cause: error });
    print(`${error.message}\n${error.storedFile} is unchanged.`);
    return 0;
  }
}

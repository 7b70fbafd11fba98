// `fleetbridge ca`: the development CA that signs simulated vehicles (made when there is none yet), and with `fetch` the
// CAs that sign Tesla's.
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  ensureDevelopmentPki,
  fetchTeslaCas,
  TeslaCaError,
  type TeslaCaName,
  teslaCaManualSteps,
} from '@fleetbridge/pki';
import { loadConfig } from '@fleetbridge/service';
import { type Command, type Invocation, UsageError } from './command.js';
import { caConfig } from '../config.js';

export const ca: Command = {
  summary: "show the development CA (made if there is none); fetch: Tesla's vehicle CAs",
  usage: '[fetch [--from <https URL or file>] [--engineering]]',
  help: [
    'Prints where the vehicle CA and the server CA are, their fingerprints and until when they are valid.',
    '',
    "fetch  downloads Tesla's vehicle CA bundle from Tesla's public fleet-telemetry repository, checks the fingerprint of",
    '       each certificate against those that this version knows, and stores it as DATA_DIR/pki/tesla-ca.pem.',
    '       A CA that is not known is left out unless its fingerprint is in CA_ACCEPT (a list separated by commas).',
    '  --from         another https URL, or a file that you have downloaded yourself',
    "  --engineering  Tesla's engineering CAs, stored as DATA_DIR/pki/tesla-eng-ca.pem",
  ],
  options: { from: { type: 'string' }, engineering: { type: 'boolean' } },
  run(invocation) {
    const { positionals, values } = invocation;
    const [action, ...rest] = positionals;
    if (action === 'fetch' && rest.length === 0) return fetchTeslas(invocation);
    if (action !== undefined) throw new UsageError(`unexpected argument "${rest[0] ?? action}"`);
    if (values.from !== undefined || values.engineering !== undefined) {
      throw new UsageError('--from and --engineering belong to fleetbridge ca fetch');
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
    print(`${title}\n  file     ${file}\n  SHA-256  ${certificate.fingerprint256}\n  until    ${certificate.validTo}`);
  }
  return 0;
}

async function fetchTeslas({ env, values, print }: Invocation): Promise<number> {
  const { config } = loadConfig(caConfig, { env });
  const name: TeslaCaName = values.engineering === true ? 'engineering' : 'production';
  const request = { name, directory: join(resolve(config.DATA_DIR), 'pki'), accept: config.CA_ACCEPT };
  try {
    const from = typeof values.from === 'string' ? { from: values.from } : {};
    const fetched = await fetchTeslaCas({ ...request, ...from });
    const { file, certificates, expired, unknown, missing, isChanged } = fetched;
    print(`${file}: ${certificates.length} of Tesla's ${name} CAs, ${isChanged ? 'new' : 'as before'}`);
    for (const { subject, notAfter } of expired) print(`  expired at ${notAfter.toISOString()}: ${subject}`);
    for (const { subject, fingerprint } of unknown) {
      print(`  NOT KNOWN to this version, and left out: ${subject}`);
      print(`    if you trust it: CA_ACCEPT=${fingerprint} fleetbridge ca fetch`);
    }
    if (missing > 0) print(`  ${missing} of the CAs that this version knows were not in it`);
    print(`Ingest takes these vehicles with INGEST_CA_BUNDLE=${name} and ALLOWED_VINS set.`);
    return 0;
  } catch (error) {
    if (!(error instanceof TeslaCaError)) throw error;
    if (error.storedFile === undefined)
      throw new Error(`${error.message}\n${teslaCaManualSteps(name)}`, { cause: error });
    print(`${error.message}\n${error.storedFile} stays as it is.`);
    return 0;
  }
}

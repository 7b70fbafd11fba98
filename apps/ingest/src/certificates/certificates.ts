// The files that TLS needs, read at the start. What is wrong with them is a mistake of configuration, told by the
// variable that names the file; all of them at once.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  type CaBundle,
  fetchTeslaCas,
  loadServerCertificate,
  readCaBundle,
  type ServerCertificate,
  type ServerCertificateFiles,
  selectTeslaCas,
  TeslaCaError,
  type TeslaCaName,
  teslaCaManualSteps,
  type UnknownCa,
} from '@fleetbridge/pki';
import { ConfigError, type Logger, type Mistake } from '@fleetbridge/service';

export interface VehicleCaFiles {
  caFile: string;
  /** The file holds Tesla's bundle: only CAs that are known or accepted are taken from it. */
  teslaCa?: TeslaCaName | undefined;
  acceptedCas: readonly string[];
  /** Added to it, whosever they are. */
  extraCaFile?: string | undefined;
}

export interface CertificateFiles extends VehicleCaFiles, ServerCertificateFiles {}

export interface VehicleCas extends CaBundle {
  /** In Tesla's bundle, and left out. */
  unknown: readonly UnknownCa[];
}

/** Throws ConfigError. */
export async function loadCertificates(
  files: CertificateFiles,
): Promise<{ certificate: ServerCertificate; ca: VehicleCas }> {
  const { keyFile, caFile } = files;
  const [certificate, ca] = await Promise.allSettled([loadServerCertificate(files), loadVehicleCas(files)]);
  if (certificate.status === 'fulfilled' && ca.status === 'fulfilled') {
    return { certificate: certificate.value, ca: ca.value };
  }
  const mistakes: Mistake[] = [];
  if (certificate.status === 'rejected') {
    const { file, message } = certificate.reason;
    mistakes.push({ variable: file === keyFile ? 'INGEST_KEY_FILE' : 'INGEST_CERT_FILE', problem: message });
  }
  if (ca.status === 'rejected') {
    const { code, message, path: unreadable = caFile } = ca.reason;
    const variable = files.teslaCa === undefined ? 'INGEST_CA_FILE' : 'INGEST_CA_BUNDLE';
    const problem = code === undefined ? message : `can't read ${unreadable} (${code}); ${expected(files)}`;
    mistakes.push({ variable, problem });
  }
  throw new ConfigError(mistakes);
}

/** Both files as they are now, one bundle. Rejects with the error of the file system, CaBundleError or TeslaCaError. */
export async function loadVehicleCas(files: VehicleCaFiles): Promise<VehicleCas> {
  const { caFile, teslaCa, extraCaFile, acceptedCas } = files;
  const text = await readFile(caFile, 'utf8');
  const main =
    teslaCa === undefined
      ? { ...readCaBundle(text, caFile), unknown: [] }
      : selectTeslaCas(text, caFile, { name: teslaCa, accept: acceptedCas });
  if (extraCaFile === undefined) return main;
  const extra = readCaBundle(await readFile(extraCaFile, 'utf8'), extraCaFile);
  return {
    certificates: [...main.certificates, ...extra.certificates],
    pem: [...new Set([...main.pem, ...extra.pem])],
    expired: [...main.expired, ...extra.expired],
    unknown: main.unknown,
  };
}

/** Tesla's CAs on a machine that has none yet. Throws an Error that says what to do by hand. */
export async function fetchMissingTeslaCas(files: VehicleCaFiles, log: Logger): Promise<void> {
  const { caFile, teslaCa: name, acceptedCas } = files;
  if (name === undefined || existsSync(caFile)) return;
  try {
    const fetched = await fetchTeslaCas({ name, directory: path.dirname(caFile), accept: acceptedCas });
    const { from, certificates, missing } = fetched;
    log.info({ file: caFile, from, certificates: certificates.length, missing }, 'tesla_cas_fetched');
    warnOfUnknown(fetched, log);
  } catch (error) {
    if (!(error instanceof TeslaCaError)) throw error;
    // without its cause: the message has said it, and what to do has to be the last that is read
    throw new Error(`${error.message}\n${teslaCaManualSteps(name)}`);
  }
}

/** A vehicle of such a CA will be turned away; plainly said, since only the operator can decide. */
export function warnOfUnknown({ unknown }: Pick<VehicleCas, 'unknown'>, log: Pick<Logger, 'warn'>): void {
  for (const { subject, fingerprint } of unknown) {
    log.warn({ subject, fingerprint, remedy: `if you trust it: CA_ACCEPT=${fingerprint}` }, 'vehicle_ca_unknown');
  }
}

function expected({ teslaCa }: VehicleCaFiles): string {
  if (teslaCa === undefined) return 'expected a file of CA certificates';
  const option = teslaCa === 'engineering' ? ' --engineering' : '';
  return `get Tesla's CAs with: fleetbridge ca fetch${option} (or set TESLA_CA_FETCH=on)`;
}

// Loads the files that TLS needs. Mistakes are reported together, each with the variable that names the file.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
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
  /** The file is Tesla's bundle: only known or accepted CAs of it are used. */
  teslaCa?: TeslaCaName | undefined;
  acceptedCas: readonly string[];
  /** Additional CAs, all of which are used. */
  extraCaFile?: string | undefined;
}

export interface CertificateFiles extends VehicleCaFiles, ServerCertificateFiles {}

export interface VehicleCas extends CaBundle {
  /** CAs of Tesla's bundle that are not used. */
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

/**
 * As `loadCertificates`; undefined while only Tesla's CAs are missing, which is logged: the process then stays up, and its
 * status page shows how to get them. Throws ConfigError for everything else.
 */
export async function loadOrAwaitCertificates(files: CertificateFiles, log: Pick<Logger, 'error'>) {
  try {
    return await loadCertificates(files);
  } catch (error) {
    const { mistakes } = error as ConfigError;
    const isOnlyCa = mistakes?.length === 1 && mistakes[0]?.variable === 'INGEST_CA_BUNDLE';
    if (!isOnlyCa || existsSync(files.caFile)) throw error;
    log.error({ file: files.caFile, remedy: expected(files) }, 'vehicle_cas_awaited');
    return undefined;
  }
}

const AWAIT_POLL_MS = 1_000;

/** Until all files can be loaded. An aborted signal ends the wait with its reason. */
export async function untilCertificatesLoad(
  files: CertificateFiles,
  { signal, pollMs = AWAIT_POLL_MS }: { signal: AbortSignal; pollMs?: number | undefined },
) {
  for (;;) {
    await delay(pollMs, undefined, { signal });
    try {
      return await loadCertificates(files);
    } catch (error) {
      // the status page shows why
      if (!(error instanceof ConfigError)) throw error;
    }
  }
}

/** Reads both files into one bundle. Throws the error of the file system, CaBundleError or TeslaCaError. */
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

/** Downloads Tesla's CAs if the file does not exist; a failure is logged with the manual steps. Returns whether it exists. */
export async function fetchMissingTeslaCas(files: VehicleCaFiles, log: Logger): Promise<boolean> {
  const { caFile, teslaCa: name, acceptedCas } = files;
  if (name === undefined || existsSync(caFile)) return true;
  try {
    const fetched = await fetchTeslaCas({ name, directory: path.dirname(caFile), accept: acceptedCas });
    const { from, certificates, missing } = fetched;
    log.info({ file: caFile, from, certificates: certificates.length, missing }, 'tesla_cas_fetched');
    warnOfUnknown(fetched, log);
    return true;
  } catch (error) {
    if (!(error instanceof TeslaCaError)) throw error;
    log.error({ reason: error.message, remedy: teslaCaManualSteps(name) }, 'tesla_cas_fetch_failed');
    return false;
  }
}

const FETCH_AGAIN_MS = 300_000;

/** Tries again every five minutes while the download fails. Does not keep the process alive. */
export async function keepFetchingTeslaCas(files: VehicleCaFiles, log: Logger, signal: AbortSignal): Promise<void> {
  for (;;) {
    await delay(FETCH_AGAIN_MS, undefined, { signal, ref: false }).catch(() => {});
    if (signal.aborted || (await fetchMissingTeslaCas(files, log))) return;
  }
}

/** Vehicles of an unknown CA are rejected; only the operator can decide to trust it. */
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

// Gathers the facts for the status page at each request: the files as they are, and the data in Redis. The page must
// appear whatever is broken, so nothing here throws or waits for long.
import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import path from 'node:path';
import { loadServerCertificate, renewalDays, teslaCaSources } from '@fleetbridge/pki';
import { normalizeVin } from '@fleetbridge/protocol';
import { type Readiness, VERSION, withTimeout } from '@fleetbridge/service';
import { AdmissionStore, DoctorReportStore, readLogOverview, redisEviction, type Store } from '@fleetbridge/store';
import { entriesWithoutVin, parseVinFile } from '../admission/index.js';
import { caExpiries, daysLeft, loadVehicleCas } from '../certificates/index.js';
import { type IngestConfig, withDefaults } from '../config.js';
import type { CertificateFacts, StatusFacts } from './status-steps.js';

export interface StatusFactsOptions {
  config: IngestConfig;
  store: Store;
  readiness: Pick<Readiness, 'report'>;
  /** Refused connections by reason. */
  refused: () => Readonly<Record<string, number>> | Promise<Readonly<Record<string, number>>>;
  clockBehindSeconds: () => number | Promise<number>;
  now: () => number;
  env: Readonly<NodeJS.ProcessEnv>;
}

const ANSWER_TIMEOUT_MS = 1_500;
const VEHICLES_SHOWN = 50;

export async function gatherStatusFacts(options: StatusFactsOptions): Promise<StatusFacts> {
  const { config, store, readiness, refused, now, env } = options;
  const [log, doctor, eviction, verdicts, vehicleCas, certificate, list] = await Promise.all([
    answerOf(readLogOverview(store, { atMostVehicles: VEHICLES_SHOWN })),
    answerOf(new DoctorReportStore(store).read()),
    answerOf(redisEviction(store)),
    answerOf(new AdmissionStore(store).read()),
    vehicleCaFacts(config, now()),
    certificateFacts(config, now()),
    listedVins(config),
  ]);
  const all = verdicts && [...verdicts.verdicts.values()];
  const count = (wanted: string) => all?.filter((verdict) => verdict === wanted).length;
  return {
    nowMs: now(),
    commandLine: commandLineIn(env),
    readiness: readiness.report(),
    version: VERSION,
    log,
    doctor,
    eviction,
    vehicleCas,
    certificate,
    admission: { ...list, allowed: count('allow'), denied: count('deny') },
    vehiclesPort: config.INGEST_PORT,
    refused: await refused(),
    clockBehindSeconds: await options.clockBehindSeconds(),
  };
}

/** Undefined if the promise rejects or takes too long. */
function answerOf<T>(answer: Promise<T>): Promise<T | undefined> {
  return withTimeout(
    answer.catch(() => undefined),
    ANSWER_TIMEOUT_MS,
    { onTimeout: () => undefined },
  );
}

async function vehicleCaFacts(config: IngestConfig, nowMs: number): Promise<StatusFacts['vehicleCas']> {
  const files = withDefaults(config);
  try {
    const bundle = await loadVehicleCas(files);
    const isDevelopment = path.resolve(files.caFile) === path.resolve(config.DATA_DIR, 'pki', 'ca.pem');
    const source = files.teslaCa ?? (isDevelopment && files.extraCaFile === undefined ? 'development' : 'own');
    const areTeslaCasFetched = existsSync(path.join(config.DATA_DIR, 'pki', teslaCaSources.production.file));
    const days = daysLeft(caExpiries(bundle, nowMs)[0], nowMs);
    return { source, certificates: bundle.pem.length, daysLeft: days, areTeslaCasFetched };
  } catch (error) {
    const source = files.teslaCa ?? 'own';
    if (files.teslaCa !== undefined && !existsSync(files.caFile)) {
      const problem = `Tesla's CAs are missing (${files.caFile}): no vehicle can connect until they are there. They are loaded without a restart.`;
      return { problem, source };
    }
    const problem = `Could not be loaded; CAs that were loaded before stay in use: ${(error as Error).message}`;
    return { problem, source };
  }
}

const DEVELOPMENT_ISSUER = 'fleetbridge development server CA';

async function certificateFacts(config: IngestConfig, nowMs: number): Promise<CertificateFacts | { problem: string }> {
  try {
    const found = await loadServerCertificate(withDefaults(config));
    const { cert, hosts, notAfter, awaited, missingIssuer } = found;
    const certificate = new X509Certificate(cert);
    const { TELEMETRY_HOST: name } = config;
    return {
      hosts,
      daysLeft: daysLeft({ notAfter }, nowMs),
      renewalDays: renewalDays(found),
      missingIssuer,
      isTemporary: awaited !== undefined,
      isPrivate: certificate.issuer === certificate.subject || certificate.issuer.includes(DEVELOPMENT_ISSUER),
      telemetryHost: name === undefined ? undefined : { name, isCovered: covers(certificate, name) },
    };
  } catch (error) {
    return {
      problem: `Could not be reloaded; still using the certificate loaded at startup: ${(error as Error).message}`,
    };
  }
}

function covers(certificate: X509Certificate, host: string): boolean {
  const found = isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host);
  return found !== undefined;
}

async function listedVins(config: IngestConfig): Promise<{ listed: number | 'all'; invalid: string[] }> {
  const { ALLOWED_VINS_FILE: file } = config;
  const text = file === undefined ? '' : await readFile(file, 'utf8').catch(() => '');
  const { allowedVins } = withDefaults(config);
  const invalid = entriesWithoutVin([...allowedVins, ...text.split('\n')]);
  const vins = new Set([...allowedVins.map(normalizeVin), ...parseVinFile(text).vins]);
  for (const entry of invalid) vins.delete(normalizeVin(entry));
  return { listed: vins.has('*') ? 'all' : vins.size, invalid };
}

/** How the CLI is started here: from a clone, with compose, or as an installed command. */
export function commandLineIn(env: Readonly<NodeJS.ProcessEnv>, isContainer = existsSync('/.dockerenv')): string {
  // checked first, because a clone may run in a container too, and the compose images do not use npm
  if (env.npm_lifecycle_event !== undefined) return 'npx fleetbridge';
  return isContainer ? 'docker compose run --rm cli' : 'fleetbridge';
}

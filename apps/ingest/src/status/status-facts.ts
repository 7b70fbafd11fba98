// Gathers what the status page shows, each time anew: the files as they are now, and what Redis says. The page must come
// whatever is broken, so nothing here fails or waits for long.

import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import path from 'node:path';
import { loadServerCertificate, teslaCaSources } from '@fleetbridge/pki';
import { normalizeVin } from '@fleetbridge/protocol';
import { type Readiness, withTimeout } from '@fleetbridge/service';
import { AdmissionStore, readLogOverview, type Store } from '@fleetbridge/store';
import { parseVinFile } from '../admission/index.js';
import { caExpiries, daysLeft, loadVehicleCas } from '../certificates/index.js';
import { type IngestConfig, withDefaults } from '../config.js';
import type { CertificateFacts, StatusFacts } from './status-steps.js';

export interface StatusFactsOptions {
  config: IngestConfig;
  store: Store;
  readiness: Pick<Readiness, 'report'>;
  /** Connections that did not become a vehicle's, by reason. */
  refused: () => Readonly<Record<string, number>> | Promise<Readonly<Record<string, number>>>;
  now: () => number;
  env: Readonly<NodeJS.ProcessEnv>;
}

const ANSWER_LIMIT_MS = 1_500;
const VEHICLES_SHOWN = 50;

export async function gatherStatusFacts(options: StatusFactsOptions): Promise<StatusFacts> {
  const { config, store, readiness, refused, now, env } = options;
  const [log, verdicts, vehicleCas, certificate, listed] = await Promise.all([
    answerOf(readLogOverview(store, { atMostVehicles: VEHICLES_SHOWN })),
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
    log,
    vehicleCas,
    certificate,
    admission: { listed, allowed: count('allow'), denied: count('deny') },
    refused: await refused(),
  };
}

/** Undefined when there is none in time. */
function answerOf<T>(asked: Promise<T>): Promise<T | undefined> {
  return withTimeout(
    asked.catch(() => undefined),
    ANSWER_LIMIT_MS,
    { onTimeout: () => undefined },
  );
}

async function vehicleCaFacts(config: IngestConfig, nowMs: number): Promise<StatusFacts['vehicleCas']> {
  const files = withDefaults(config);
  try {
    const bundle = await loadVehicleCas(files);
    const isDevelopment = path.resolve(files.caFile) === path.resolve(config.DATA_DIR, 'pki', 'ca.pem');
    const whose = files.teslaCa ?? (isDevelopment && files.extraCaFile === undefined ? 'development' : 'own');
    const areTeslasHere = existsSync(path.join(config.DATA_DIR, 'pki', teslaCaSources.production.file));
    const ending = daysLeft(caExpiries(bundle, nowMs)[0], nowMs);
    return { whose, certificates: bundle.pem.length, daysLeft: ending, areTeslasHere };
  } catch (error) {
    const problem = `Can't be read now, the ones of the start are in use: ${(error as Error).message}`;
    return { problem, whose: files.teslaCa ?? 'own' };
  }
}

const OUR_ISSUER = 'fleetbridge development server CA';

async function certificateFacts(config: IngestConfig, nowMs: number): Promise<CertificateFacts | { problem: string }> {
  try {
    const { cert, hosts, notAfter, awaited } = await loadServerCertificate(withDefaults(config));
    const certificate = new X509Certificate(cert);
    const { TELEMETRY_HOST: name } = config;
    return {
      hosts,
      daysLeft: daysLeft({ notAfter }, nowMs),
      isMeanwhile: awaited !== undefined,
      isSelfMade: certificate.issuer === certificate.subject || certificate.issuer.includes(OUR_ISSUER),
      telemetryHost: name === undefined ? undefined : { name, isCovered: covers(certificate, name) },
    };
  } catch (error) {
    return { problem: `Can't be used now, the one of the start is: ${(error as Error).message}` };
  }
}

function covers(certificate: X509Certificate, host: string): boolean {
  const found = isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host);
  return found !== undefined;
}

async function listedVins(config: IngestConfig): Promise<number | 'all'> {
  const { ALLOWED_VINS_FILE: file } = config;
  const text = file === undefined ? '' : await readFile(file, 'utf8').catch(() => '');
  const vins = new Set([...withDefaults(config).allowedVins.map(normalizeVin), ...parseVinFile(text).vins]);
  return vins.has('*') ? 'all' : vins.size;
}

/** What to type where this runs: in a clone, beside a compose file, or with the command installed. */
export function commandLineIn(env: Readonly<NodeJS.ProcessEnv>, isContainer = existsSync('/.dockerenv')): string {
  // first: a clone may lie in a container as well, and the images of compose know nothing of npm
  if (env.npm_lifecycle_event !== undefined) return 'npm run fleetbridge --';
  return isContainer ? 'docker compose run --rm cli' : 'fleetbridge';
}

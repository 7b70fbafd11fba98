// `fleetbridge doctor`: everything that a program can check, on one screen, with a remedy for each finding.
import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readCaBundle, selectTeslaCas, teslaCaSources } from '@fleetbridge/pki';
import { ConfigError, type ConfigOf, loadConfig, VERSION } from '@fleetbridge/service';
import { DoctorReportStore, type Store } from '@fleetbridge/store';
import { type DoctorOptions, runDoctor } from '@fleetbridge/tesla-setup';
import { developmentCaFile, doctorConfig } from '../../config.js';
import { hasApps } from '../../supervisor/index.js';
import { type Command, UsageError } from '../command.js';
import { openLog } from '../log-access.js';
import { reportJson, reportLines, storedReport } from './doctor-output.js';

export const doctor: Command = {
  usage: '[--json]',
  help: [
    'Changes nothing; the status page shows the last report. Exit code: 0 all green, 1 a warning (yellow), 2 a problem (red). A check that needs another one first',
    'is not counted. Tesla bills four requests, and one per vehicle. docs/doctor.md describes each check.',
    '',
    '  --json   the findings as JSON',
  ],
  failsAsJson: true,
  options: { json: { type: 'boolean' } },
  async run({ positionals, values, env, print }) {
    if (positionals.length > 0) throw new UsageError(`unexpected argument "${positionals[0]}"`);
    const { config } = loadConfig(doctorConfig, { env });
    const log = await openLog(env, 'fleetbridge-doctor').catch((error: unknown) => reasonOf(error));
    const store = typeof log === 'string' ? undefined : log;
    try {
      const report = await runDoctor(optionsOf(config, store, typeof log === 'string' ? log : undefined));
      // a Redis that rejects writes is a finding
      if (store !== undefined) await new DoctorReportStore(store).write(storedReport(report)).catch(() => undefined);
      if (values.json === true) print(reportJson(report));
      else for (const line of reportLines(report)) print(line);
      return { green: 0, yellow: 1, red: 2 }[report.colour];
    } finally {
      store?.close();
    }
  },
};

type Config = ConfigOf<typeof doctorConfig>;

function optionsOf(config: Config, store: Store | undefined, storeProblem: string | undefined): DoctorOptions {
  const { DATA_DIR: dataDirectory, FLEET_API_URL, FLEET_CA_FILE } = config;
  const isStandIn = FLEET_API_URL !== undefined;
  return {
    store,
    storeProblem,
    dataDirectory,
    keyFile: config.TESLA_KEY_FILE,
    settings: config,
    owner: `doctor-${process.pid}`,
    names: { domain: config.DOMAIN, telemetry: config.TELEMETRY_HOST, streaming: config.STREAMING_HOST },
    telemetryPort: config.INGEST_PORT,
    inside: insideOf(config),
    vehicleCas: () => vehicleCas(config, isStandIn),
    retentionHours: config.RETENTION_HOURS,
    version: VERSION,
    resolve: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
    ...(isStandIn && FLEET_CA_FILE !== undefined ? { web: { ca: textOf(FLEET_CA_FILE) } } : {}),
  };
}

/** In a clone the services are on this machine; in compose each has a name of its own. */
function insideOf({ INGEST_PORT, STREAMING_PORT, GATEWAY_PORT }: Config): DoctorOptions['inside'] {
  const place = (name: string, port: number, containerPort: number) =>
    hasApps() ? [{ host: '127.0.0.1', port }] : [{ host: name, port: containerPort }];
  return {
    telemetry: place('ingest', INGEST_PORT, 4_443),
    streaming: place('streaming', STREAMING_PORT, 8_443),
    gateway: place('gateway', GATEWAY_PORT, 8_080),
  };
}

/** Those of Tesla; the vehicles of a stand-in have the development CA. */
async function vehicleCas({ DATA_DIR, CA_ACCEPT: accept }: Config, isStandIn: boolean) {
  const file = isStandIn ? developmentCaFile(DATA_DIR) : join(DATA_DIR, 'pki', teslaCaSources.production.file);
  const text = await readFile(file, 'utf8').catch((cause) => {
    throw new Error(`needs the CAs of the vehicles first (${file}): fleetbridge ca fetch`, { cause });
  });
  const { certificates, expired } = isStandIn
    ? readCaBundle(text, file)
    : selectTeslaCas(text, file, { name: 'production', accept });
  const subjects = new Set(expired.map(({ subject }) => subject));
  return certificates.filter(({ subject }) => !subjects.has(subject.replaceAll('\n', ', ')));
}

/** An unreadable file is a finding of the connection to Tesla. */
function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof ConfigError)
    return error.mistakes.map(({ variable, problem }) => `${variable}: ${problem}`).join(' ');
  return error instanceof Error ? error.message : String(error);
}

// Ingest's variables: validation, defaults and documentation in one.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseNetwork } from '@fleetbridge/access';
import { plainFingerprint, serverCertificateFiles, teslaCaSources } from '@fleetbridge/pki';
import { topics } from '@fleetbridge/protocol';
import {
  type ConfigOf,
  commaList,
  defineConfig,
  filePath,
  flag,
  integer,
  type Mistake,
  oneOf,
  port,
  recordLogConfig,
  serviceConfig,
  text,
} from '@fleetbridge/service';
import { parseVinFile } from './admission/index.js';

export const ingestConfig = defineConfig(
  {
    ...recordLogConfig,
    ...serviceConfig,
    INGEST_CONFIG: filePath()
      .optional()
      .describe(
        "Configuration file of Tesla's Go server, read as it is; or the argument `--config`. Variables win over it.",
      ),
    INGEST_HOST: text({ expected: 'an address of this machine' })
      .optional()
      .describe('Where vehicles connect; default: all addresses.'),
    INGEST_PORT: port().default(4443).describe('Port for vehicles: mutual TLS, WebSocket on any path, `/status`.'),
    INGEST_ADMIN_PORT: port()
      .default(8081)
      .describe('Port for `/` (a status page), `/healthz`, `/readyz`, `/metrics`.'),
    TELEMETRY_HOST: text({ pattern: /^[A-Za-z0-9._:-]+$/, expected: 'a host name or an IP address' })
      .optional()
      .describe(
        'The name under which vehicles reach this; the status page says whether the certificate is good for it.',
      ),
    INGEST_WORKERS: integer({ min: 1, max: 256 })
      .optional()
      .describe('Processes that share the port; default: one a core. `npm start` and `fleetbridge up` set 1.'),
    INGEST_CA_BUNDLE: oneOf(['development', 'production', 'engineering'])
      .default('development')
      .describe(
        "Whose vehicles: those of the development CA (`DATA_DIR/pki/ca.pem`), or Tesla's, whose CAs `fleetbridge ca fetch` gets. Default `production` with a configuration file of the Go server.",
      ),
    INGEST_CA_FILE: filePath({ mustExist: true })
      .optional()
      .describe('CA certificates that sign vehicle certificates (PEM), in place of INGEST_CA_BUNDLE.'),
    INGEST_EXTRA_CA_FILE: filePath({ mustExist: true })
      .optional()
      .describe("CA certificates (PEM) that are added to the bundle; `tls.ca_file` of the Go server's file."),
    CA_ACCEPT: commaList()
      .default([])
      .describe("SHA-256 fingerprints of CAs that are taken in Tesla's bundle beside those that this version knows."),
    TESLA_CA_FETCH: flag()
      .default(false)
      .describe("`on`: Tesla's CAs are fetched at the start when there are none in `DATA_DIR/pki` yet."),
    PROXY_PROTOCOL_FROM: commaList()
      .default([])
      .describe(
        'Addresses or networks (10.0.0.0/8) of TCP balancers: from them a PROXY header (v1 or v2) is required, from all others none is accepted.',
      ),
    INGEST_CERT_FILE: filePath()
      .optional()
      .describe(
        "The server's certificate with its chain (PEM); default: `DATA_DIR/pki/server.pem`. `/*/` stands for any folder, as one an issuer: of those the one that ends last, and until there is one the default.",
      ),
    INGEST_KEY_FILE: filePath().optional().describe('Its key (PEM); default: `DATA_DIR/pki/server.key`.'),
    ALLOWED_VINS: commaList()
      .optional()
      .describe(
        'VINs that may connect, separated by commas; `*`: all; `none`: only those of ALLOWED_VINS_FILE and `fleetbridge vehicle allow`. Default `*` with the development CA; must be set otherwise.',
      )
      .meta({ example: '5YJ3E1EA7KF000001,5YJ3E1EA7KF000002' }),
    ALLOWED_VINS_FILE: filePath()
      .optional()
      .describe('File of VINs that may connect too, one a line, `#` begins a comment. Read again when it changes.'),
    MAX_CONNECTIONS: integer({ min: 0 })
      .default(50_000)
      .describe('Vehicles connected at a time; more are refused with 503. 0: no limit.'),
    RATE_LIMIT_RECORDS: integer({ min: 0 })
      .default(0)
      .describe(
        'Messages that a vehicle may send in `RATE_LIMIT_SECONDS`; over it, its socket is read later and nothing is lost. 0: no limit.',
      ),
    RATE_LIMIT_SECONDS: integer({ min: 1, max: 86_400, unit: 'seconds' })
      .default(60)
      .describe('The time for `RATE_LIMIT_RECORDS`.'),
    EXTRA_TOPICS: topicList()
      .default([])
      .describe(
        'Topics that are stored beside V, alerts, errors and connectivity, as they come. Others are quarantined.',
      ),
    ACK_ON_RECEIVE: topicList()
      .default([])
      .describe(
        "Topics whose records are acknowledged before they are stored, as Tesla's server does; they can be lost.",
      ),
    LOG_RECORDS: topicList()
      .default([])
      .describe('Topics whose records are written to the log at level info, the location included.'),
    SIGNAL_COUNT_VINS: commaList()
      .default([])
      .describe('At most 20 VINs whose signals are counted one by one in `vin_signal_count`.'),
    ACK_REPLICAS: integer({ min: 0, max: 10 })
      .default(0)
      .describe(
        'Redis replicas that must have a record before it is acknowledged. 0: a failover of Redis may lose records.',
      ),
  },
  {
    checks: (config): Mistake[] => [
      ...admissionMistakes(config),
      ...vinFileMistakes(config),
      ...fingerprintMistakes(config),
      ...networkMistakes(config),
      ...topicMistakes(config),
      ...countedVinMistakes(config),
    ],
  },
);

export type IngestConfig = ConfigOf<typeof ingestConfig>;

/** The files and VINs that the defaults stand for. */
export function withDefaults(config: IngestConfig) {
  const { DATA_DIR, INGEST_CA_FILE, INGEST_CA_BUNDLE, INGEST_CERT_FILE, INGEST_KEY_FILE } = config;
  const { ALLOWED_VINS, ALLOWED_VINS_FILE } = config;
  const teslaCa = INGEST_CA_FILE === undefined && INGEST_CA_BUNDLE !== 'development' ? INGEST_CA_BUNDLE : undefined;
  return {
    caFile:
      INGEST_CA_FILE ?? path.join(DATA_DIR, 'pki', teslaCa === undefined ? 'ca.pem' : teslaCaSources[teslaCa].file),
    teslaCa,
    extraCaFile: config.INGEST_EXTRA_CA_FILE,
    acceptedCas: config.CA_ACCEPT,
    ...serverCertificateFiles({ certFile: INGEST_CERT_FILE, keyFile: INGEST_KEY_FILE, dataDir: DATA_DIR }),
    allowedVins: (ALLOWED_VINS ?? (ALLOWED_VINS_FILE === undefined ? ['*'] : [])).filter((vin) => vin !== 'none'),
  };
}

function usesDevelopmentCa({
  INGEST_CA_FILE,
  INGEST_EXTRA_CA_FILE,
  INGEST_CA_BUNDLE = 'development',
  DATA_DIR,
}: Partial<IngestConfig>): boolean {
  if (INGEST_EXTRA_CA_FILE !== undefined) return false;
  if (INGEST_CA_FILE === undefined) return INGEST_CA_BUNDLE === 'development';
  return path.resolve(INGEST_CA_FILE) === path.resolve(DATA_DIR ?? '', 'pki', 'ca.pem');
}

function admissionMistakes(config: Partial<IngestConfig>): Mistake[] {
  if (config.ALLOWED_VINS !== undefined || config.ALLOWED_VINS_FILE !== undefined) return [];
  if (config.DATA_DIR === undefined || usesDevelopmentCa(config)) return [];
  return [
    {
      variable: 'ALLOWED_VINS',
      problem:
        'must be set when INGEST_CA_FILE is not the development CA; expected VINs separated by commas, * for all, or none for those of `fleetbridge vehicle allow` only',
    },
  ];
}

function vinFileMistakes({ ALLOWED_VINS_FILE: file }: Partial<IngestConfig>): Mistake[] {
  if (file === undefined) return [];
  const mistake = (problem: string) => [{ variable: 'ALLOWED_VINS_FILE', problem, got: file }];
  try {
    const { badLines } = parseVinFile(readFileSync(file, 'utf8'));
    if (badLines.length === 0) return [];
    return mistake(`expected one VIN a line, # for comments; not so in line ${badLines.slice(0, 10).join(', ')}`);
  } catch (cause) {
    return mistake(`expected a file that can be read (${(cause as NodeJS.ErrnoException).code})`);
  }
}

function fingerprintMistakes({ CA_ACCEPT = [] }: Partial<IngestConfig>): Mistake[] {
  const wrong = CA_ACCEPT.filter((text) => !/^[0-9a-f]{64}$/.test(plainFingerprint(text)));
  if (wrong.length === 0) return [];
  return [
    { variable: 'CA_ACCEPT', problem: 'expected SHA-256 fingerprints of 64 hexadecimal digits', got: wrong.join(',') },
  ];
}

function networkMistakes({ PROXY_PROTOCOL_FROM = [] }: Partial<IngestConfig>): Mistake[] {
  const wrong = PROXY_PROTOCOL_FROM.filter((text) => parseNetwork(text) === undefined);
  if (wrong.length === 0) return [];
  const problem = 'expected IP addresses or networks such as 10.0.0.0/8, separated by commas';
  return [{ variable: 'PROXY_PROTOCOL_FROM', problem, got: wrong.join(',') }];
}

function topicMistakes({ EXTRA_TOPICS = [], ACK_ON_RECEIVE = [], LOG_RECORDS = [] }: Partial<IngestConfig>): Mistake[] {
  const known = [...topics, ...EXTRA_TOPICS];
  return Object.entries({ ACK_ON_RECEIVE, LOG_RECORDS }).flatMap(([variable, named]) => {
    const unknown = named.filter((topic) => !known.includes(topic));
    if (unknown.length === 0) return [];
    return [
      {
        variable,
        problem: `expected topics among ${known.join(', ')} (EXTRA_TOPICS adds to them)`,
        got: unknown.join(','),
      },
    ];
  });
}

function countedVinMistakes({ SIGNAL_COUNT_VINS = [] }: Partial<IngestConfig>): Mistake[] {
  if (SIGNAL_COUNT_VINS.length <= 20) return [];
  return [{ variable: 'SIGNAL_COUNT_VINS', problem: `expected at most 20 VINs, got ${SIGNAL_COUNT_VINS.length}` }];
}

/** A topic is part of metrics and log lines, so it is a plain word. */
function topicList() {
  return commaList().refine((names) => names.every((name) => /^[\w.-]{1,64}$/.test(name)), {
    message: 'expected topics of letters, digits, dot, dash or underscore, separated by commas',
  });
}

// Ingest's variables (packages/settings), the rules between them, and the files that their defaults mean.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseNetwork } from '@fleetbridge/access';
import { plainFingerprint, serverCertificateFiles, teslaCaSources } from '@fleetbridge/pki';
import { topics } from '@fleetbridge/protocol';
import { type ConfigOf, defineConfig, type Mistake, unreadable } from '@fleetbridge/service';
import { settingsOf } from '@fleetbridge/settings';

export const ingestConfig = defineConfig(settingsOf('ingest'), {
  checks: (config): Mistake[] => [
    ...admissionMistakes(config),
    ...vinFileMistakes(config),
    ...fingerprintMistakes(config),
    ...networkMistakes(config),
    ...topicMistakes(config),
    ...countedVinMistakes(config),
  ],
});

export type IngestConfig = ConfigOf<typeof ingestConfig>;

/** The files and VINs that apply where a variable is not set. */
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
        'must be set when vehicles are not those of the development CA; expected VINs separated by commas, * for all, or "none" for only those of `fleetbridge vehicle allow`',
    },
  ];
}

function vinFileMistakes({ ALLOWED_VINS_FILE: file }: Partial<IngestConfig>): Mistake[] {
  if (file === undefined) return [];
  const mistake = (problem: string) => [{ variable: 'ALLOWED_VINS_FILE', problem, got: file }];
  try {
    // A line that is no VIN is logged and skipped: it must not keep the other vehicles out.
    readFileSync(file, 'utf8');
    return [];
  } catch (cause) {
    return mistake(`expected a file that can be read (${unreadable(cause)})`);
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

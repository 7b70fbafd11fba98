// Ingest's variables: validation, defaults and documentation in one.
import path from 'node:path';
import {
  type ConfigOf,
  commaList,
  defineConfig,
  filePath,
  integer,
  port,
  recordLogConfig,
  serviceConfig,
  text,
} from '@fleetbridge/service';

export const ingestConfig = defineConfig(
  {
    ...recordLogConfig,
    ...serviceConfig,
    INGEST_HOST: text({ expected: 'an address of this machine' })
      .optional()
      .describe('Where vehicles connect; default: all addresses.'),
    INGEST_PORT: port().default(4443).describe('Port for vehicles: mutual TLS, WebSocket on any path, `/status`.'),
    INGEST_ADMIN_PORT: port().default(8081).describe('Port for `/healthz`, `/readyz`, `/metrics`.'),
    INGEST_CA_FILE: filePath({ mustExist: true })
      .optional()
      .describe(
        'CA certificates that sign vehicle certificates (PEM); default: the development CA, `DATA_DIR/pki/ca.pem`.',
      ),
    INGEST_CERT_FILE: filePath()
      .optional()
      .describe("The server's certificate with its chain (PEM); default: `DATA_DIR/pki/server.pem`."),
    INGEST_KEY_FILE: filePath().optional().describe('Its key (PEM); default: `DATA_DIR/pki/server.key`.'),
    ALLOWED_VINS: commaList()
      .optional()
      .describe(
        'VINs that may connect, separated by commas, or `*`. Default `*` with the development CA; must be set otherwise.',
      )
      .meta({ example: '5YJ3E1EA7KF000001,5YJ3E1EA7KF000002' }),
    ACK_REPLICAS: integer({ min: 0, max: 10 })
      .default(0)
      .describe(
        'Redis replicas that must have a record before it is acknowledged. 0: a failover of Redis may lose records.',
      ),
  },
  {
    checks: (config) => {
      if (config.ALLOWED_VINS !== undefined || config.DATA_DIR === undefined || usesDevelopmentCa(config)) return [];
      return [
        {
          variable: 'ALLOWED_VINS',
          problem: 'must be set when INGEST_CA_FILE is not the development CA; expected VINs separated by commas, or *',
        },
      ];
    },
  },
);

export type IngestConfig = ConfigOf<typeof ingestConfig>;

/** The files and VINs that the defaults stand for. */
export function withDefaults(config: IngestConfig) {
  const { DATA_DIR, INGEST_CA_FILE, INGEST_CERT_FILE, INGEST_KEY_FILE, ALLOWED_VINS } = config;
  return {
    caFile: INGEST_CA_FILE ?? path.join(DATA_DIR, 'pki', 'ca.pem'),
    certFile: INGEST_CERT_FILE ?? path.join(DATA_DIR, 'pki', 'server.pem'),
    keyFile: INGEST_KEY_FILE ?? path.join(DATA_DIR, 'pki', 'server.key'),
    allowedVins: ALLOWED_VINS ?? ['*'],
  };
}

function usesDevelopmentCa({ INGEST_CA_FILE, DATA_DIR }: Partial<IngestConfig>): boolean {
  return INGEST_CA_FILE === undefined || path.resolve(INGEST_CA_FILE) === path.resolve(DATA_DIR ?? '', 'pki', 'ca.pem');
}

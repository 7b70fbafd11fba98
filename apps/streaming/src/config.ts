// The streaming server's variables: validation, defaults and documentation in one.
import path from 'node:path';
import {
  type ConfigOf,
  defineConfig,
  filePath,
  flag,
  oneOf,
  port,
  recordLogConfig,
  secret,
  serviceConfig,
  text,
} from '@fleetbridge/service';

const LOOPBACK = ['127.0.0.1', '::1', 'localhost'];

export const streamingConfig = defineConfig(
  {
    ...recordLogConfig,
    ...serviceConfig,
    STREAMING_BIND: text({ expected: 'an address of this machine' })
      .optional()
      .describe('Where clients connect; default: all addresses, with `AUTH=none` 127.0.0.1.'),
    STREAMING_PORT: port().default(8443).describe('Port for TeslaMate: `/streaming/`.'),
    STREAMING_ADMIN_PORT: port().default(8082).describe('Port for `/healthz`, `/readyz`, `/metrics`.'),
    STREAMING_TLS: flag().default(true).describe('`off`: plain ws, inside a trusted network.'),
    STREAMING_CERT_FILE: filePath()
      .optional()
      .describe('Certificate with its chain (PEM); default: `DATA_DIR/pki/server.pem`.'),
    STREAMING_KEY_FILE: filePath().optional().describe('Its key (PEM); default: `DATA_DIR/pki/server.key`.'),
    AUTH: oneOf(['token', 'none']).default('token').describe('`none`: everybody who can connect hears everything.'),
    AUTH_NONE_ANYWHERE: flag().default(false).describe('Allows `AUTH=none` on other addresses than loopback.'),
    BRIDGE_TOKEN: secret()
      .optional()
      .describe('A token that is accepted for every VIN. More come from `fleetbridge token create`.'),
  },
  {
    checks: ({ AUTH, AUTH_NONE_ANYWHERE, STREAMING_BIND }) => {
      if (AUTH !== 'none' || AUTH_NONE_ANYWHERE || STREAMING_BIND === undefined || LOOPBACK.includes(STREAMING_BIND))
        return [];
      return [
        {
          variable: 'AUTH',
          problem: `none is for loopback only, STREAMING_BIND is ${STREAMING_BIND}; use tokens, or set AUTH_NONE_ANYWHERE=on if the network is yours`,
        },
      ];
    },
  },
);

export type StreamingConfig = ConfigOf<typeof streamingConfig>;

/** The files and addresses that the defaults stand for. */
export function withDefaults(config: StreamingConfig) {
  const { DATA_DIR, STREAMING_CERT_FILE, STREAMING_KEY_FILE, STREAMING_BIND, AUTH, AUTH_NONE_ANYWHERE } = config;
  return {
    certFile: STREAMING_CERT_FILE ?? path.join(DATA_DIR, 'pki', 'server.pem'),
    keyFile: STREAMING_KEY_FILE ?? path.join(DATA_DIR, 'pki', 'server.key'),
    bind: STREAMING_BIND ?? (AUTH === 'none' && !AUTH_NONE_ANYWHERE ? '127.0.0.1' : undefined),
  };
}

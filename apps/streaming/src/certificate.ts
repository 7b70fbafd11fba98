// The certificate that clients see.
import { loadServerCertificate, type ServerCertificate, ServerCertificateError } from '@fleetbridge/pki';
import { ConfigError } from '@fleetbridge/service';
import { type StreamingConfig, withDefaults } from './config.js';

/** Undefined with STREAMING_TLS=off. Throws ConfigError: a file that can't be served is one that the configuration names. */
export async function loadCertificate(config: StreamingConfig): Promise<ServerCertificate | undefined> {
  if (!config.STREAMING_TLS) return undefined;
  const { certFile, keyFile, until } = withDefaults(config);
  try {
    return await loadServerCertificate({ certFile, keyFile, until });
  } catch (error) {
    if (!(error instanceof ServerCertificateError)) throw error;
    const variable = error.file === keyFile ? 'STREAMING_KEY_FILE' : 'STREAMING_CERT_FILE';
    throw new ConfigError([{ variable, problem: error.message }]);
  }
}

// The server's certificate: loaded at startup, reloaded when its files change. Without GATEWAY_CERT_FILE the gateway speaks
// plain HTTP.
import {
  loadServerCertificate,
  reloadableServerCertificate,
  type ServerCertificate,
  ServerCertificateError,
  serverCertificateFiles,
} from '@fleetbridge/pki';
import { ConfigError, type FileWatcher, type Logger, watchFiles } from '@fleetbridge/service';
import type { GatewayConfig } from './config.js';

const POLL_MS = 10_000;

/** Undefined without a certificate. Throws ConfigError with the variable that names a file that can't be used. */
export async function loadCertificate(config: GatewayConfig): Promise<ServerCertificate | undefined> {
  if (config.GATEWAY_CERT_FILE === undefined) return undefined;
  const files = filesOf(config);
  try {
    return await loadServerCertificate(files);
  } catch (error) {
    if (!(error instanceof ServerCertificateError)) throw error;
    const variable = error.file === files.keyFile ? 'GATEWAY_KEY_FILE' : 'GATEWAY_CERT_FILE';
    throw new ConfigError([{ variable, problem: error.message }]);
  }
}

export function watchCertificate(
  config: GatewayConfig,
  current: ServerCertificate,
  { log, onChange }: { log: Logger; onChange: (renewed: ServerCertificate) => void },
): FileWatcher {
  if (current.awaited !== undefined) log.warn({ err: current.awaited }, 'server_certificate_awaited');
  return watchFiles({
    ...reloadableServerCertificate(filesOf(config), current),
    apply: (renewed) => {
      onChange(renewed);
      log.info({ not_after: renewed.notAfter }, 'server_certificate_reloaded');
      return 'applied';
    },
    onError: (err) => log.error({ err }, 'server_certificate_reload_failed'),
    intervalMs: POLL_MS,
  });
}

function filesOf({ DATA_DIR, GATEWAY_CERT_FILE, GATEWAY_KEY_FILE }: GatewayConfig) {
  return serverCertificateFiles({ certFile: GATEWAY_CERT_FILE, keyFile: GATEWAY_KEY_FILE, dataDir: DATA_DIR });
}

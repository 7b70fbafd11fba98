// The server's certificate: loaded at startup, reloaded when its files change.
import {
  loadServerCertificate,
  reloadableServerCertificate,
  type ServerCertificate,
  ServerCertificateError,
} from '@fleetbridge/pki';
import { ConfigError, type FileWatcher, type Logger, watchFiles } from '@fleetbridge/service';
import { type StreamingConfig, withDefaults } from './config.js';

const POLL_MS = 10_000;

/** Undefined with STREAMING_TLS=off. Throws ConfigError with the variable that names a file that can't be used. */
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

export function watchCertificate(
  config: StreamingConfig,
  current: ServerCertificate,
  { log, onChange }: { log: Logger; onChange: (renewed: ServerCertificate) => void },
): FileWatcher {
  logCertificate(current, log);
  return watchFiles({
    ...reloadableServerCertificate(withDefaults(config), current),
    apply: (renewed) => {
      onChange(renewed);
      log.info({ not_after: renewed.notAfter }, 'server_certificate_reloaded');
      logCertificate(renewed, log);
      return 'applied';
    },
    onError: (err) => log.error({ err }, 'server_certificate_reload_failed'),
    intervalMs: POLL_MS,
  });
}

function logCertificate({ awaited, missingIssuer: issuer }: ServerCertificate, log: Logger): void {
  if (awaited !== undefined) log.warn({ reason: awaited.message }, 'server_certificate_awaited');
  if (issuer === undefined) return;
  const remedy = 'append the intermediate certificate to the file; ACME clients call this file fullchain.pem';
  log.warn({ issuer, remedy }, 'server_certificate_incomplete');
}

// Watches certificates while ingest runs. The server's pair and the vehicle CAs are reloaded when their files change, and
// open connections stay. Logs a warning before a certificate expires.
import { reloadableServerCertificate, renewalDays, type ServerCertificate } from '@fleetbridge/pki';
import { type Logger, watchFiles } from '@fleetbridge/service';
import type { IngestServer } from '../server.js';
import { caExpiries, daysLeft, type Expiry, watchExpiries } from './certificate-expiry.js';
import { type CertificateFiles, loadVehicleCas, type VehicleCas, warnOfUnknown } from './certificates.js';

const POLL_MS = 10_000;

export interface CertificateWatchesOptions {
  files: CertificateFiles;
  certificate: ServerCertificate;
  ca: VehicleCas;
  server: Pick<IngestServer, 'renewCertificate' | 'renewVehicleCas'>;
  log: Logger;
  now: () => number;
  pollMs?: number | undefined;
}

export interface CertificateWatches {
  /** Days until the server's certificate expires. */
  serverDaysLeft(): number;
  /** Days before its expiry by which the server's certificate should have been renewed. */
  serverRenewalDays(): number;
  /** Days until the first of the vehicle CAs expires. CAs that have expired already are ignored. */
  caDaysLeft(): number;
  stop(): void;
}

export function watchCertificates({
  files,
  server,
  log,
  now,
  pollMs = POLL_MS,
  ...current
}: CertificateWatchesOptions) {
  let { certificate, ca } = current;
  const serverExpiry = (): Expiry => ({
    certificate: 'server',
    notAfter: certificate.notAfter,
    warningDays: renewalDays(certificate),
    remedy: `renew ${files.certFile} and its key; they are reloaded without a restart`,
  });
  logUnusableCas(ca, log);
  logServerCertificate(certificate, log);

  const serverWatch = watchFiles({
    ...reloadableServerCertificate(files, certificate),
    apply: (renewed) => {
      certificate = renewed;
      server.renewCertificate(renewed);
      log.info({ not_after: renewed.notAfter }, 'server_certificate_reloaded');
      logServerCertificate(renewed, log);
      return 'applied';
    },
    onError: (err) => log.error({ err }, 'server_certificate_reload_failed'),
    intervalMs: pollMs,
  });
  const caWatch = watchFiles({
    load: () => loadVehicleCas(files),
    keyOf: ({ pem }) => pem.join(''),
    currentKey: ca.pem.join(''),
    // Half of a bundle that is being written can be a valid bundle with fewer certificates.
    contentPolls: 2,
    apply: (changed) => {
      ca = changed;
      server.renewVehicleCas(changed.pem);
      log.info({ certificates: changed.pem.length }, 'vehicle_cas_reloaded');
      logUnusableCas(changed, log);
      return 'applied';
    },
    onError: (err) => log.error({ err }, 'vehicle_cas_reload_failed'),
    intervalMs: pollMs,
  });
  const expiries = watchExpiries(() => [serverExpiry(), ...caExpiries(ca, now())], { log, now });
  const watches: CertificateWatches = {
    serverDaysLeft: () => daysLeft(serverExpiry(), now()),
    serverRenewalDays: () => renewalDays(certificate),
    caDaysLeft: () => daysLeft(caExpiries(ca, now())[0], now()),
    stop: () => {
      for (const watch of [serverWatch, caWatch, expiries]) void watch.stop();
    },
  };
  return watches;
}

function logServerCertificate({ awaited, missingIssuer: issuer }: ServerCertificate, log: Logger): void {
  if (awaited !== undefined) log.warn({ reason: awaited.message }, 'server_certificate_awaited');
  if (issuer === undefined) return;
  const remedy = 'append the intermediate certificate to the file; ACME clients call this file fullchain.pem';
  log.warn({ issuer, remedy }, 'server_certificate_incomplete');
}

function logUnusableCas(ca: VehicleCas, log: Logger): void {
  for (const { subject, notAfter } of ca.expired) log.info({ subject, not_after: notAfter }, 'vehicle_ca_expired');
  warnOfUnknown(ca, log);
}

// All that is watched about certificates while ingest runs: the server's own pair and the vehicle CAs are taken over when
// their files change, without a connection noticing, and what is about to end is warned of.
import { type ServerCertificate, watchServerCertificate } from '@fleetbridge/pki';
import type { Logger } from '@fleetbridge/service';
import type { IngestServer } from '../server.js';
import { caEndings, daysLeft, type Ending, watchEndings } from './certificate-expiry.js';
import { type CertificateFiles, type VehicleCas, warnOfUnknown } from './certificates.js';
import { watchVehicleCas } from './vehicle-ca-watch.js';

export interface CertificateWatchesOptions {
  files: CertificateFiles;
  certificate: ServerCertificate;
  ca: VehicleCas;
  server: Pick<IngestServer, 'renewCertificate' | 'renewVehicleCas'>;
  log: Logger;
  now: () => number;
  /** How often the files are looked at; default: the watches' own. */
  lookMs?: number | undefined;
}

export interface CertificateWatches {
  /** Days until the server's certificate ends. */
  serverDaysLeft(): number;
  /** Days until the first of the vehicle CAs that are still good ends. */
  caDaysLeft(): number;
  stop(): void;
}

export function watchCertificates({ files, server, log, now, lookMs, ...current }: CertificateWatchesOptions) {
  let { certificate, ca } = current;
  const serverEnding = (): Ending => ({
    certificate: 'server',
    notAfter: certificate.notAfter,
    remedy: `renew ${files.certFile} and its key; they are taken without a restart`,
  });
  tellOf(ca, log);
  if (certificate.awaited !== undefined) log.warn({ err: certificate.awaited }, 'server_certificate_awaited');

  const ownWatch = watchServerCertificate({
    certFile: files.certFile,
    keyFile: files.keyFile,
    until: files.until,
    current: certificate,
    onChange: (renewed) => {
      certificate = renewed;
      server.renewCertificate(renewed);
      log.info({ not_after: renewed.notAfter }, 'server_certificate_renewed');
    },
    onError: (err) => log.error({ err }, 'server_certificate_not_renewed'),
    ...(lookMs === undefined ? {} : { intervalMs: lookMs }),
  });
  const caWatch = watchVehicleCas({
    files,
    current: ca,
    onChange: (changed) => {
      ca = changed;
      server.renewVehicleCas(changed.pem);
      log.info({ certificates: changed.pem.length }, 'vehicle_cas_changed');
      tellOf(changed, log);
    },
    onError: (err) => log.error({ err }, 'vehicle_cas_not_changed'),
    intervalMs: lookMs,
  });
  const endings = watchEndings(() => [serverEnding(), ...caEndings(ca, now())], { log, now });
  const watches: CertificateWatches = {
    serverDaysLeft: () => daysLeft(serverEnding(), now()),
    caDaysLeft: () => daysLeft(caEndings(ca, now())[0], now()),
    stop: () => {
      for (const watch of [ownWatch, caWatch, endings]) watch.stop();
    },
  };
  return watches;
}

function tellOf(ca: VehicleCas, log: Logger): void {
  for (const { subject, notAfter } of ca.expired) log.info({ subject, not_after: notAfter }, 'vehicle_ca_expired');
  warnOfUnknown(ca, log);
}

// How to reload a server's certificate: the part of a file watcher that knows about certificates.
import {
  loadServerCertificate,
  readCertificateIn,
  type ServerCertificate,
  type ServerCertificateFiles,
} from './server-certificate.js';

export interface ReloadableServerCertificate {
  /** Reads and checks the pair. Throws ServerCertificateError. */
  load: () => Promise<ServerCertificate>;
  /** The certificate alone: the key was checked to belong to it, so a new key means a new certificate. */
  keyOf: (certificate: ServerCertificate) => string;
  currentKey: string | undefined;
  problemOf: (certificate: ServerCertificate) => Error | undefined;
  knownProblem: Error | undefined;
}

/**
 * `current` is the pair in use. The stand-in (`until`) is only loaded as long as it is in use: a pair of the owner that is
 * in use is not replaced by the stand-in, even if its files are gone.
 */
export function reloadableServerCertificate(
  files: ServerCertificateFiles,
  current?: Pick<ServerCertificate, 'cert' | 'awaited'>,
): ReloadableServerCertificate {
  let isStandIn = current?.awaited !== undefined;
  return {
    load: async () => {
      if (!isStandIn) return readCertificateIn(files, new Date());
      const found = await loadServerCertificate(files);
      isStandIn = found.awaited !== undefined;
      return found;
    },
    keyOf: ({ cert }) => cert,
    currentKey: current?.cert,
    problemOf: ({ awaited }) => awaited,
    knownProblem: current?.awaited,
  };
}

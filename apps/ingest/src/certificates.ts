// The files that TLS needs, read at the start. What is wrong with them is a mistake of configuration, told by the
// variable that names the file; all of them at once.
import { readFile } from 'node:fs/promises';
import { type CaBundle, loadServerCertificate, readCaBundle, type ServerCertificate } from '@fleetbridge/pki';
import { ConfigError, type Mistake } from '@fleetbridge/service';

export interface CertificateFiles {
  caFile: string;
  certFile: string;
  keyFile: string;
}

/** Throws ConfigError. */
export async function loadCertificates({
  caFile,
  certFile,
  keyFile,
}: CertificateFiles): Promise<{ certificate: ServerCertificate; ca: CaBundle }> {
  const [certificate, ca] = await Promise.allSettled([
    loadServerCertificate({ certFile, keyFile }),
    readFile(caFile, 'utf8').then((text) => readCaBundle(text, caFile)),
  ]);
  if (certificate.status === 'fulfilled' && ca.status === 'fulfilled') {
    return { certificate: certificate.value, ca: ca.value };
  }
  const mistakes: Mistake[] = [];
  if (certificate.status === 'rejected') {
    const { file, message } = certificate.reason;
    mistakes.push({ variable: file === keyFile ? 'INGEST_KEY_FILE' : 'INGEST_CERT_FILE', problem: message });
  }
  if (ca.status === 'rejected') {
    const { code, message } = ca.reason;
    const problem = code === undefined ? message : `can't read ${caFile} (${code}); expected a file of CA certificates`;
    mistakes.push({ variable: 'INGEST_CA_FILE', problem });
  }
  throw new ConfigError(mistakes);
}

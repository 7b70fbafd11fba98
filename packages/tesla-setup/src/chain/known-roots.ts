import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';

/** PEM: the public CAs that Node knows, and the CA that fleetbridge generates in DATA_DIR. */
export function knownRoots(dataDirectory: string): string[] {
  const own = readOrUndefined(join(dataDirectory, 'pki', 'server-ca.pem'));
  return own === undefined ? [...rootCertificates] : [own, ...rootCertificates];
}

function readOrUndefined(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

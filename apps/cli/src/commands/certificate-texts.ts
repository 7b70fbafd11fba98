// Reads the certificates that a variable such as INGEST_CERT_FILE refers to.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isCertificatePattern, matchingCertificateFiles } from '@fleetbridge/pki';

/** The text of the file, or of all files that a path with a `*` folder matches now. */
export async function certificateTexts(path: string): Promise<string[]> {
  const pair = { certFile: path, keyFile: path };
  if (!isCertificatePattern(pair)) return [await readFile(path, 'utf8')];
  const files = await matchingCertificateFiles(pair);
  return Promise.all(files.filter((file) => existsSync(file.certFile)).map((file) => readFile(file.certFile, 'utf8')));
}

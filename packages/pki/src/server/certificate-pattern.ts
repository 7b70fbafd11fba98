// A certificate that another program writes into a directory with an unknown name. Caddy's storage has one directory per
// issuer, and the issuer is known only after it has answered. `*` in a path matches any directory name.

import { readdir } from 'node:fs/promises';
import type { CertificateFiles } from '../files/index.js';

/** Whether the paths are a pattern rather than one pair of files. */
export function isPattern({ certFile }: CertificateFiles): boolean {
  return certFile.includes(STAR);
}

/** One pair per directory that exists now; the files of a pair may be missing. */
export async function matchingFiles({ certFile, keyFile }: CertificateFiles): Promise<CertificateFiles[]> {
  const [parent = ''] = certFile.split(STAR, 1);
  const folders = await readdir(parent === '' ? '/' : parent).catch(() => []);
  const inside = (path: string, folder: string) => path.replace(STAR, `/${folder}/`);
  return folders.sort().map((folder) => ({ certFile: inside(certFile, folder), keyFile: inside(keyFile, folder) }));
}

const STAR = '/*/';

// A certificate that somebody else keeps in folders whose names aren't ours to know: Caddy's storage has one an issuer,
// and which issuer answers is known only afterwards. `*` in a path stands for such a folder.

import { readdir } from 'node:fs/promises';
import type { CertificateFiles } from '../files/index.js';

/** Whether the paths name one pair, or a place where pairs come and go. */
export function isKeptElsewhere({ certFile }: CertificateFiles): boolean {
  return certFile.includes(STAR);
}

/** The pairs that may be there now, one a folder; their files need not exist. No folder at all: none. */
export async function candidates({ certFile, keyFile }: CertificateFiles): Promise<CertificateFiles[]> {
  const [parent = ''] = certFile.split(STAR, 1);
  const folders = await readdir(parent === '' ? '/' : parent).catch(() => []);
  const inside = (path: string, folder: string) => path.replace(STAR, `/${folder}/`);
  return folders.sort().map((folder) => ({ certFile: inside(certFile, folder), keyFile: inside(keyFile, folder) }));
}

const STAR = '/*/';

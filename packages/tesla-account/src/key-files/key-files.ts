// Files of keys in DATA_DIR/tesla: the folder has mode 0700, each file 0600, and an existing file is never overwritten.
import { dirname } from 'node:path';
import { ensurePrivateDirectory, readIfPresent, restrictKey, writeKeyOnce } from '@fleetbridge/pki';
import { TeslaAccountError } from '../errors/index.js';

/** Undefined without the file. Removes the permissions of other users. Throws TeslaAccountError. */
export function readKeyFile(file: string): string | undefined {
  return attempt(file, () => {
    const text = readIfPresent(file);
    if (text !== undefined) restrictKey(file);
    return text;
  });
}

/** Returns what the file has afterwards: of several processes all continue with the text of the first one. */
export function createKeyFile(file: string, text: string): string {
  return attempt(file, () => {
    ensurePrivateDirectory(dirname(file));
    return writeKeyOnce(file, text);
  });
}

function attempt<T>(file: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw new TeslaAccountError('key_file_failed', { file, cause });
  }
}

// Reads and writes certificates and keys atomically, keys readable by their owner only. Synchronous, so that two calls
// in one process can't interleave; it runs at startup and needs about one millisecond per certificate.

import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { DevelopmentPkiError } from './errors.js';

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** Creates the directory, or removes the permissions of other users from an existing one. */
export function ensurePrivateDirectory(directory: string): void {
  attempt(directory, "can't create the directory with mode 0700", () => {
    mkdirSync(directory, { recursive: true });
    restrict(directory, 0o700);
  });
}

export function readIfPresent(file: string): string | undefined {
  return attempt(file, "can't read the file", () => {
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  });
}

export function writeCertificate(file: string, pem: string): void {
  attempt(file, "can't write the file", () => renameSync(writeTemporary(file, pem, 0o644), file));
}

/**
 * Writes a new key unless the file exists, and returns the key in the file. So when several processes create the same
 * key at once, all continue with the key of the first one.
 */
export function writeKeyOnce(file: string, pem: string): string {
  return attempt(file, "can't write the key", () => {
    const temporary = writeTemporary(file, pem, 0o600);
    try {
      linkSync(temporary, file); // unlike rename, fails when the file is there
    } catch (error) {
      const code = codeOf(error);
      // File systems without hard links (FAT, some shared folders).
      if (code === 'EPERM' || code === 'ENOTSUP' || code === 'ENOSYS') copyOnce(temporary, file);
      else if (code !== 'EEXIST') throw error;
    } finally {
      rmSync(temporary, { force: true });
    }
    syncDirectory(dirname(file));
    return readFileSync(file, 'utf8');
  });
}

/** Not atomic for a process that reads at the same time, but an existing file stays unchanged. */
function copyOnce(source: string, target: string): void {
  try {
    copyFileSync(source, target, constants.COPYFILE_EXCL);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

/** After a power failure the new name must exist too: what was encrypted with a key would be lost with it. */
function syncDirectory(directory: string): void {
  try {
    const descriptor = openSync(directory, 'r');
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    // some file systems can't sync a directory
  }
}

export function restrictKey(file: string): void {
  attempt(file, "can't set the mode of the key to 0600", () => restrict(file, 0o600));
}

function restrict(path: string, mode: number): void {
  if ((statSync(path).mode & 0o777 & ~mode) !== 0) chmodSync(path, mode);
}

/** On the same file system and synced: after a power failure the file is the old or the new one, never a partial one. */
function writeTemporary(file: string, text: string, mode: number): string {
  const temporary = `${file}.${randomUUID()}.tmp`; // not the process id, which is 1 in every container
  const descriptor = openSync(temporary, 'wx', mode);
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } catch (error) {
    rmSync(temporary, { force: true }); // for example when the disk is full
    throw error;
  } finally {
    closeSync(descriptor);
  }
  return temporary;
}

function attempt<T>(file: string, problem: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw new DevelopmentPkiError(`${problem} (${codeOf(cause) ?? 'unknown error'})`, { file, cause });
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

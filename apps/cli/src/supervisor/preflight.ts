// What can be checked before the first process starts, so that one message names everything that is wrong.
import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';

/** Creates DATA_DIR if necessary. Throws an Error with the reason if it can't be written. */
export function ensureWritable(dataDirectory: string): void {
  try {
    createFolder(dataDirectory);
    accessSync(dataDirectory, constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    const reason = reasons[code] ?? code;
    throw new Error(`DATA_DIR ${dataDirectory} can't be written (${reason}); choose another`);
  }
}

/** Not `recursive: true`, with which Node loops without end below /proc. */
function createFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return;
  const parent = dirname(folder);
  if (parent !== folder) createFolder(parent);
  mkdirSync(folder);
}

const reasons: Readonly<Record<string, string>> = {
  EROFS: 'read-only file system',
  EACCES: 'no permission',
  EPERM: 'no permission',
  ENOENT: 'it can not be created here',
  ENOTDIR: 'a part of the path is a file',
  EEXIST: 'it is a file',
  ENOSPC: 'no space left on the device',
};

export interface WantedPort {
  variable: string;
  port: number;
  /** Default: all addresses. */
  host?: string | undefined;
}

/** Throws an Error with every port that another program uses, and the variables that change them. */
export async function ensurePortsFree(wanted: readonly WantedPort[]): Promise<void> {
  const checked = await Promise.all(wanted.map(async (one) => ({ ...one, isFree: await isFree(one) })));
  const inUse = checked.filter(({ port, isFree }) => port !== 0 && !isFree);
  if (inUse.length === 0) return;
  const lines = inUse.map(
    ({ variable, port }) => `port ${port} is already in use; stop the other program, or set ${variable}`,
  );
  throw new Error(lines.join('\n'));
}

function isFree({ port, host }: WantedPort): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    // Other errors, such as a missing right, are better reported by the process that opens the port.
    server.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'EADDRINUSE'));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

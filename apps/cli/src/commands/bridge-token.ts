// The token that `up` creates at its first start: valid for every VIN, the same at every start, stored in DATA_DIR/tokens.
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { readPrivateFile, writePrivateFile } from '../private-file.js';

/** The token in `file`; creates the file (0600) when it is missing or empty. */
export function ensureBridgeToken(file: string): string {
  const stored = readPrivateFile(file);
  if (stored !== undefined) return stored;
  const token = randomBytes(32).toString('base64url');
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writePrivateFile(file, token);
  return token;
}

// The key that encrypts secrets in Redis: 32 bytes as hexadecimal digits in DATA_DIR/tesla/encryption-key.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { TeslaAccountError } from '../errors/index.js';
import { createKeyFile, readKeyFile } from '../key-files/index.js';

/** Undefined without the file. Throws TeslaAccountError for another content. */
export function loadEncryptionKey(directory: string): Buffer | undefined {
  const file = fileIn(directory);
  const text = readKeyFile(file);
  return text === undefined ? undefined : keyOf(text, file);
}

/** Made at the first sign-in; later ones use the same key. */
export function loadOrCreateEncryptionKey(directory: string): Buffer {
  const file = fileIn(directory);
  return keyOf(readKeyFile(file) ?? createKeyFile(file, `${randomBytes(32).toString('hex')}\n`), file);
}

const fileIn = (directory: string): string => join(directory, 'encryption-key');

function keyOf(text: string, file: string): Buffer {
  const digits = text.trim();
  if (!/^[0-9a-f]{64}$/i.test(digits)) throw new TeslaAccountError('encryption_key_not_valid', { file });
  return Buffer.from(digits, 'hex');
}

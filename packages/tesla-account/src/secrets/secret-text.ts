// A secret in Redis, encrypted with the key of DATA_DIR/tesla.
import { TeslaAccountError } from '../errors/index.js';
import { loadEncryptionKey, loadOrCreateEncryptionKey } from './encryption-key.js';
import { seal, unseal } from './sealed.js';

export interface SecretPlace {
  /** DATA_DIR/tesla. */
  readonly directory: string;
  /** Authenticated with it, so that one secret can't be put in the place of another. */
  readonly name: string;
}

export function sealSecret(text: string, { directory, name }: SecretPlace): string {
  return seal(text, { key: loadOrCreateEncryptionKey(directory), name });
}

/** Throws TeslaAccountError when it can't be decrypted. */
export function openSecret(sealed: string, { directory, name }: SecretPlace): string {
  const key = loadEncryptionKey(directory);
  if (key === undefined) throw new TeslaAccountError('encryption_key_missing');
  const text = unseal(sealed, { key, name });
  if (text === undefined) throw new TeslaAccountError('secret_not_readable');
  return text;
}

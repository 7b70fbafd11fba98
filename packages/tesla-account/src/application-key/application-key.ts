// The application key in DATA_DIR/tesla/application-key.pem: vehicles are paired with it, and it signs telemetry
// configurations and commands. It is never overwritten.
import { createPublicKey } from 'node:crypto';
import { join } from 'node:path';
import type { ApplicationKey } from '@fleetbridge/fleet-api';
import { newPrivateKey } from '@fleetbridge/pki';
import { commandKeyFromPem } from '@fleetbridge/vehicle-command';
import { TeslaAccountError } from '../errors/index.js';
import { createKeyFile, readKeyFile } from '../key-files/index.js';

export interface ApplicationKeyPair {
  readonly key: ApplicationKey;
  readonly publicKey: PublicKeyForms;
}

export interface PublicKeyForms {
  /** As it is published below /.well-known. */
  readonly pem: string;
  /** 65 bytes (04, x, y), as Tesla answers them for a registered domain. */
  readonly hex: string;
  /** The same bytes, as in a configuration's `iss`. */
  readonly base64: string;
}

export function applicationKeyFile(directory: string): string {
  return join(directory, 'application-key.pem');
}

/** Undefined without the file. Throws TeslaAccountError. */
export function loadApplicationKey(file: string): ApplicationKeyPair | undefined {
  const pem = readKeyFile(file);
  return pem === undefined ? undefined : applicationKeyFromPem(pem, file);
}

/** Loads the key of the folder, or makes one. Throws TeslaAccountError. */
export function loadOrCreateApplicationKey(directory: string): ApplicationKeyPair {
  const file = applicationKeyFile(directory);
  const pem = () => newPrivateKey().export({ type: 'pkcs8', format: 'pem' }).toString();
  return applicationKeyFromPem(readKeyFile(file) ?? createKeyFile(file, pem()), file);
}

/** Keeps a key that the owner has. Throws TeslaAccountError when the folder has another one. */
export function importApplicationKey(directory: string, pem: string): ApplicationKeyPair {
  const file = applicationKeyFile(directory);
  const given = applicationKeyFromPem(pem);
  const existing = applicationKeyFromPem(readKeyFile(file) ?? createKeyFile(file, pem), file);
  if (existing.publicKey.hex !== given.publicKey.hex) throw new TeslaAccountError('application_key_exists', { file });
  return existing;
}

/** PKCS#8 or `EC PRIVATE KEY`, also behind `EC PARAMETERS`. Throws TeslaAccountError. */
export function applicationKeyFromPem(pem: string, file?: string): ApplicationKeyPair {
  try {
    const key = commandKeyFromPem(pem);
    return { key, publicKey: formsOf(key.publicKey) };
  } catch (cause) {
    throw new TeslaAccountError('application_key_not_valid', { file, cause });
  }
}

function formsOf(point: Uint8Array): PublicKeyForms {
  const bytes = Buffer.from(point);
  const [x, y] = [bytes.subarray(1, 33).toString('base64url'), bytes.subarray(33).toString('base64url')];
  const publicKey = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
  return {
    pem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    hex: bytes.toString('hex'),
    base64: bytes.toString('base64'),
  };
}

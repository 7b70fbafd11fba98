// The application that the owner has made on developer.tesla.com, as `setup` keeps it: encrypted like the tokens.
import type { Application } from '@fleetbridge/fleet-api';
import { type Store, TeslaAccountStore } from '@fleetbridge/store';
import { TeslaAccountError } from '../errors/index.js';
import { loadEncryptionKey, loadOrCreateEncryptionKey, seal, unseal } from '../secrets/index.js';

export interface TeslaApplication extends Application {
  /** Registered with Tesla; serves the public key. */
  readonly domain: string;
}

const NAME = 'tesla-account/application';

/** Undefined before `setup`. `directory`: DATA_DIR/tesla. Throws TeslaAccountError when it can't be decrypted. */
export async function readApplication(store: Store, directory: string): Promise<TeslaApplication | undefined> {
  const sealed = await new TeslaAccountStore(store).application();
  if (sealed === undefined) return undefined;
  const key = loadEncryptionKey(directory);
  if (key === undefined) throw new TeslaAccountError('encryption_key_missing');
  const text = unseal(sealed, { key, name: NAME });
  if (text === undefined) throw new TeslaAccountError('secret_not_readable');
  return JSON.parse(text);
}

export async function writeApplication(store: Store, directory: string, application: TeslaApplication): Promise<void> {
  const { domain, clientId, clientSecret } = application;
  const text = JSON.stringify({ domain, clientId, clientSecret });
  const sealed = seal(text, { key: loadOrCreateEncryptionKey(directory), name: NAME });
  await new TeslaAccountStore(store).writeApplication(sealed);
}

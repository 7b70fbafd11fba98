// The application that the owner has made on developer.tesla.com, as `setup` keeps it: encrypted like the tokens.
import type { Application } from '@fleetbridge/fleet-api';
import { type Store, TeslaAccountStore } from '@fleetbridge/store';
import { openSecret, sealSecret } from '../secrets/index.js';

export interface TeslaApplication extends Application {
  /** Registered with Tesla; serves the public key. */
  readonly domain: string;
}

const NAME = 'tesla-account/application';

/** Undefined before `setup`. `directory`: DATA_DIR/tesla. Throws TeslaAccountError when it can't be decrypted. */
export async function readApplication(store: Store, directory: string): Promise<TeslaApplication | undefined> {
  const sealed = await new TeslaAccountStore(store).application();
  return sealed === undefined ? undefined : JSON.parse(openSecret(sealed, { directory, name: NAME }));
}

export async function writeApplication(store: Store, directory: string, application: TeslaApplication): Promise<void> {
  const { domain, clientId, clientSecret } = application;
  const sealed = sealSecret(JSON.stringify({ domain, clientId, clientSecret }), { directory, name: NAME });
  await new TeslaAccountStore(store).writeApplication(sealed);
}

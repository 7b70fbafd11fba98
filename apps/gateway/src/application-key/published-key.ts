// The public half of DATA_DIR/tesla/application-key.pem, which `setup` creates while the gateway runs. A request costs one
// stat: the file is read again only when that has changed.
import { statSync } from 'node:fs';
import type { Logger } from '@fleetbridge/service';
import { applicationKeyFile, loadApplicationKey, TeslaAccountError } from '@fleetbridge/tesla-account';

export type PublishedKey =
  | { readonly kind: 'key'; readonly pem: string }
  | { readonly kind: 'missing' }
  /** The reason has been logged. */
  | { readonly kind: 'not_usable' };

export interface PublishedKeyOptions {
  /** DATA_DIR/tesla. */
  directory: string;
  log: Logger;
}

/** The function returns the present key. It never throws. */
export function createPublishedKey({ directory, log }: PublishedKeyOptions): () => PublishedKey {
  const file = applicationKeyFile(directory);
  let inUse: { version: string; key: PublishedKey } = { version: MISSING, key: { kind: 'missing' } };

  return () => {
    // before the file is read: a change in between is found by the next request
    const version = versionOf(file);
    if (version !== inUse.version) inUse = { version, key: version === MISSING ? { kind: 'missing' } : load() };
    return inUse.key;
  };

  function load(): PublishedKey {
    try {
      const loaded = loadApplicationKey(file);
      if (loaded === undefined) return { kind: 'missing' };
      log.info({ file }, 'application_key_loaded');
      return { kind: 'key', pem: loaded.publicKey.pem };
    } catch (error) {
      if (!(error instanceof TeslaAccountError)) throw error;
      const { problem, meaning, remedy } = error;
      // without the cause, which could quote the file
      log.error({ file, problem, meaning, remedy }, 'application_key_rejected');
      return { kind: 'not_usable' };
    }
  }
}

const MISSING = 'missing';

/** Another text after every change; of its mode too, since that may make an unreadable file readable. */
function versionOf(file: string): string {
  try {
    const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
    return stat === undefined ? MISSING : [stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown';
  }
}

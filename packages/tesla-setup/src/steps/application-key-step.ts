// The application key. Vehicles are paired with it, so that a key which exists is never replaced: neither the one of
// DATA_DIR, nor the one that the domain serves.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ApplicationKeyPair,
  applicationKeyFile,
  importApplicationKey,
  loadApplicationKey,
  loadOrCreateApplicationKey,
  TeslaAccountError,
} from '@fleetbridge/tesla-account';
import { fetchServedKey } from './served-key.js';
import type { Outcome, SetupContext, Step } from './step.js';

export const applicationKeyStep: Step = {
  name: 'application_key',
  title: 'Application key',
  check(context) {
    const { dataDirectory, keyFile } = context.options;
    const directory = join(dataDirectory, 'tesla');
    const existing = loadApplicationKey(applicationKeyFile(directory));
    if (existing === undefined) {
      return Promise.resolve({ state: 'needed', text: 'no application key', remedy: 'Run setup without --check.' });
    }
    if (keyFile !== undefined) {
      // throws when the folder has another one
      importApplicationKey(directory, readKey(keyFile));
    }
    return Promise.resolve(found(context, existing, 'is in DATA_DIR/tesla'));
  },
  async run(context) {
    const { options, dialogue } = context;
    const directory = join(options.dataDirectory, 'tesla');
    if (options.keyFile !== undefined) {
      return found(
        context,
        importApplicationKey(directory, readKey(options.keyFile)),
        `copied from ${options.keyFile}`,
      );
    }
    const served = await fetchServedKey(context);
    if (served.kind === 'served' && !options.isNewKey) {
      const file = await askForFile(context);
      if (file !== undefined)
        return found(context, importApplicationKey(directory, readKey(file)), `copied from ${file}`);
      return keyIsServed(context.facts.domain!);
    }
    if (served.kind === 'served' || options.isNewKey) {
      dialogue.show(['A new application key: every vehicle must be paired again.']);
    }
    return found(context, loadOrCreateApplicationKey(directory), 'created in DATA_DIR/tesla; back it up');
  },
};

function found(context: SetupContext, key: ApplicationKeyPair, text: string): Outcome {
  context.facts.key = key;
  return { state: 'done', text };
}

function keyIsServed(domain: string): Outcome {
  return {
    state: 'needed',
    text: `${domain} already serves a public key, and its private key is not known here`,
    remedy:
      'Give the file of the private key that belongs to it: --key-file, or TESLA_KEY_FILE. Vehicles are paired with it. Only if it is lost: --new-key makes another one, and every vehicle must be paired again.',
  };
}

async function askForFile({ dialogue, facts }: SetupContext): Promise<string | undefined> {
  if (!dialogue.isInteractive) return undefined;
  dialogue.show([
    `${facts.domain} already serves a public key. Vehicles that are paired with it stay paired if its private key is used.`,
  ]);
  const file = await dialogue.ask({ message: 'File of the private key (empty: stop here)' });
  return file === undefined || file.trim() === '' ? undefined : file.trim();
}

/** Throws TeslaAccountError. */
function readKey(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new TeslaAccountError('application_key_not_valid', { file, cause });
  }
}

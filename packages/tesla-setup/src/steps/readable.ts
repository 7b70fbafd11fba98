// Stored secrets that can't be decrypted, such as after a restore of Redis alone, are given again by the owner.
import { type AccountProblem, TeslaAccountError } from '@fleetbridge/tesla-account';
import type { Outcome } from './step.js';

const givenAgain: readonly AccountProblem[] = ['encryption_key_missing', 'secret_not_readable'];

/** Rejects with other errors than these. */
export async function readable<T>(reading: Promise<T>): Promise<{ value: T } | Outcome> {
  try {
    return { value: await reading };
  } catch (error) {
    if (!(error instanceof TeslaAccountError) || !givenAgain.includes(error.problem)) throw error;
    return { state: 'needed', text: error.meaning, remedy: error.remedy };
  }
}

// Why the account can't be used now: a person must do something, or Tesla does not answer in time.
import { type Clock, FleetApiError } from '@fleetbridge/fleet-api';
import { TeslaAccountError } from '@fleetbridge/tesla-account';
import type { UnusableAccount } from './upstream.js';

/** Undefined for errors of the store. */
export function accountProblem(error: unknown): UnusableAccount | undefined {
  const isForPerson =
    error instanceof TeslaAccountError || (error instanceof FleetApiError && error.problem === 'login_required');
  if (isForPerson) return { kind: 'not_set_up', meaning: error.meaning, remedy: error.remedy };
  const isOfTesla = error instanceof FleetApiError || error instanceof TokenTimeout;
  return isOfTesla ? { kind: 'unreachable', cause: error.message } : undefined;
}

class TokenTimeout extends Error {
  override readonly name = 'TokenTimeout';
}

/** A refresh waits for Tesla, and for other processes, longer than a command has time. It continues for the next command. */
export function tokenWithin(clock: Pick<Clock, 'after'>, timeoutMs: number, token: Promise<string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const late = new TokenTimeout('the access token was not refreshed in time');
    const cancel = clock.after(Math.max(0, timeoutMs), () => reject(late));
    token.then(resolve, reject).finally(cancel);
  });
}

// The key and the account that `setup` stores. Both are looked for at each command, so that commands begin to work without
// a restart. The key stays in memory once it is there: it is never overwritten.
import { type Clock, commandScopes, readTokenClaims } from '@fleetbridge/fleet-api';
import { loadApplicationKey, type TeslaConnection } from '@fleetbridge/tesla-account';
import type { CommandKey } from '@fleetbridge/vehicle-command';
import { accountProblem, tokenWithin } from './account-problem.js';
import { ownerUpstream } from './owner-upstream.js';
import type { CommandAccount } from './upstream.js';

export interface CommandAccountOptions {
  connect: () => Promise<Pick<TeslaConnection, 'fleet' | 'account'>>;
  keyFile: string;
  clock: Pick<Clock, 'monotonicMs' | 'after'>;
}

const noKey = {
  kind: 'not_set_up',
  meaning: 'There is no application key.',
  remedy: 'Run `fleetbridge setup`. The gateway needs no restart.',
} as const;

const notAllowed = {
  kind: 'not_set_up',
  meaning: 'The owner has allowed this application to read only.',
  remedy:
    'Run `fleetbridge setup --commands`, sign in again and allow every item of the list. Nothing is paired again.',
} as const;

export function createCommandAccount({ connect, keyFile, clock }: CommandAccountOptions): CommandAccount {
  let key: CommandKey | undefined;
  return {
    async open({ timeoutMs }) {
      try {
        key ??= loadApplicationKey(keyFile)?.key;
        if (key === undefined) return noKey;
        const { fleet, account } = await connect();
        const tokens = (rejected?: string) => account.accessToken(rejected);
        const { scopes } = readTokenClaims(await tokenWithin(clock, timeoutMs, tokens()));
        if (scopes !== undefined && !commandScopes.some((scope) => scopes.includes(scope))) return notAllowed;
        return { kind: 'opened', key, upstream: ownerUpstream({ fleet, tokens, clock }) };
      } catch (error) {
        const problem = accountProblem(error);
        if (problem === undefined) throw error;
        return problem;
      }
    },
  };
}

// The owner's sign-in: with a listener on this machine, or with the address at which the browser ended.
import { commandScopes, ownerScopes, readRedirect } from '@fleetbridge/fleet-api';
import { type PendingSignIn, TeslaAccountStore } from '@fleetbridge/store';
import { readable } from './readable.js';
import type { Outcome, SetupContext, Step } from './step.js';

export const signInStep: Step = {
  name: 'sign_in',
  title: 'Sign-in with the Tesla account',
  async check(context) {
    const { tesla, facts, options } = context;
    const read = await readable(tesla.account.state());
    if ('state' in read) return read;
    const state = read.value;
    if (state.kind === 'signed_out') return { state: 'needed', text: 'not signed in', remedy: 'Run setup.' };
    if (state.kind === 'sign_in_required') {
      return { state: 'needed', text: 'Tesla does not accept the stored sign-in any more', remedy: 'Run setup.' };
    }
    if (state.clientId !== facts.application!.clientId) {
      return { state: 'needed', text: 'signed in with another client id', remedy: 'Run setup.' };
    }
    const missing = missingScopes(state.scopes, options);
    if (missing.length > 0) {
      const remedy = 'Run setup, sign in again and allow every item of the list.';
      return { state: 'needed', text: `the owner did not allow ${missing.join(', ')}`, remedy };
    }
    if (await isWanted(context)) return { state: 'needed', text: 'to sign in again', remedy: 'Run setup.' };
    return { state: 'done', text: 'signed in' };
  },
  async run(given) {
    const { dialogue } = given;
    const pending = await pendingSignIn(given);
    const context = { ...given, options: { ...given.options, hasCommands: await hasCommands(given) } };
    const { options } = context;
    if (options.redirectUrl !== undefined) return await signIn(context, pending, options.redirectUrl);
    if (dialogue.isInteractive || options.isListening) {
      dialogue.show([
        'Open this address in a browser and sign in with the account that owns the vehicle:',
        urlOf(context, pending),
      ]);
    }
    const address = await awaitAddress(context, pending);
    if (address !== undefined) return await signIn(context, pending, address);
    return {
      state: 'needed',
      text: 'the sign-in is open',
      remedy: `Open ${urlOf(context, pending)} in a browser. Then run the same command with --redirect-url and the address at which the browser ends, in quotes, within a minute.`,
    };
  },
};

/** Without them a configuration with a location is refused. */
const required = ['vehicle_device_data', 'vehicle_location'] as const;
const PENDING_MS = 3_600_000;

/** A sign-in that was opened for it ends also without the option. */
async function isWanted({ store, options }: SetupContext): Promise<boolean> {
  const { redirectUrl, isSignInAgain = false } = options;
  if (redirectUrl === undefined) return isSignInAgain;
  const pending = await new TeslaAccountStore(store).pendingSignIn();
  // without one, the address was used already
  if (pending === undefined) return false;
  return isSignInAgain || readRedirect(redirectUrl.trim(), pending.state).kind === 'code';
}

function missingScopes(
  scopes: readonly string[] | undefined,
  { hasCommands }: Pick<SetupContext['options'], 'hasCommands'>,
): string[] {
  if (scopes === undefined) return [];
  const missing: string[] = required.filter((scope) => !scopes.includes(scope));
  const lacksCommands = hasCommands && !commandScopes.some((scope) => scopes.includes(scope));
  return lacksCommands ? [...missing, commandScopes.join(' or ')] : missing;
}

/** A key that opens cars is not asked for without need. */
async function hasCommands({ options, dialogue }: SetupContext): Promise<boolean> {
  if (options.hasCommands || !dialogue.isInteractive || options.redirectUrl !== undefined) return options.hasCommands;
  return await dialogue.confirm(
    'Send commands to the vehicles, such as lock and charge? No: Tesla allows reading only.',
  );
}

/** The one that the owner may have open in the browser, or a new one. */
async function pendingSignIn({ store, options, randomText }: SetupContext): Promise<PendingSignIn> {
  const accounts = new TeslaAccountStore(store);
  const pending = await accounts.pendingSignIn();
  if (pending?.redirectUri === options.redirectUri) return pending;
  const started = { state: randomText(), nonce: randomText(), redirectUri: options.redirectUri };
  await accounts.writePendingSignIn(started, PENDING_MS);
  return started;
}

function urlOf({ tesla, facts, options }: SetupContext, { state, nonce, redirectUri }: PendingSignIn): string {
  const { clientId } = facts.application!;
  return tesla.fleet.authorizationUrl({
    clientId,
    redirectUri,
    state,
    nonce,
    scopes: options.hasCommands ? [...ownerScopes, ...commandScopes] : ownerScopes,
    isPairingNext: true,
  });
}

/** From the listener or from the owner, whichever comes first. */
async function awaitAddress(context: SetupContext, { redirectUri }: PendingSignIn): Promise<string | undefined> {
  const { dialogue, network, options, clock } = context;
  const ended = new AbortController();
  const cancel = clock.after(options.waitMs, () => ended.abort());
  try {
    const ways: Promise<string | undefined>[] = [];
    if (options.isListening) ways.push(network.awaitBrowser(redirectUri, ended.signal).then((asked) => asked?.address));
    if (dialogue.isInteractive) {
      ways.push(
        dialogue.ask({
          message: 'If the browser ends at an address that it can not load, paste the address here',
          signal: ended.signal,
        }),
      );
    }
    return ways.length === 0 ? undefined : await Promise.race(ways);
  } finally {
    cancel();
    ended.abort();
  }
}

async function signIn(context: SetupContext, pending: PendingSignIn, address: string): Promise<Outcome> {
  const { tesla, facts, store } = context;
  const result = readRedirect(address.trim(), pending.state);
  if (result.kind !== 'code') return refused(result);
  const { clientId, clientSecret } = facts.application!;
  const { redirectUri } = pending;
  const tokens = await tesla.fleet.exchangeCode({ clientId, clientSecret, code: result.code, redirectUri });
  const { refreshToken } = tokens;
  if (refreshToken === undefined) {
    const remedy = 'Sign in again and allow every item of the list; the application must have offline access.';
    return { state: 'failed', problem: 'scope_missing', text: 'the sign-in would end after 8 hours', remedy };
  }
  await tesla.account.signIn({ ...tokens, refreshToken }, { clientId });
  await new TeslaAccountStore(store).clearPendingSignIn();
  const missing = missingScopes((await scopesOf(context)) ?? undefined, context.options);
  if (missing.length > 0) {
    const remedy = 'Run the same command again, and allow every item of the list that Tesla shows.';
    return { state: 'failed', problem: 'scope_missing', text: `the owner did not allow ${missing.join(', ')}`, remedy };
  }
  return { state: 'done', text: 'signed in' };
}

async function scopesOf({ tesla }: SetupContext): Promise<readonly string[] | undefined> {
  const state = await tesla.account.state();
  return state.kind === 'signed_out' ? undefined : state.scopes;
}

function refused(result: Exclude<ReturnType<typeof readRedirect>, { kind: 'code' }>): Outcome {
  const again = 'Run the same command without --redirect-url, and open the address that it prints.';
  switch (result.kind) {
    case 'refused':
      return { state: 'failed', problem: 'sign_in_refused', text: `Tesla answered ${result.error}`, remedy: again };
    case 'other_state':
      return {
        state: 'failed',
        problem: 'other_sign_in',
        text: 'the address belongs to another sign-in',
        remedy: again,
      };
    case 'not_valid': {
      const remedy = 'Copy the whole address from the browser, with code and state, and put it in quotes.';
      return { state: 'failed', problem: 'address_not_valid', text: 'the address does not have a code', remedy };
    }
  }
}

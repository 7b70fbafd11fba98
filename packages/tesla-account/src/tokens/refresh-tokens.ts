// One refresh, by the process that has the lease. A refresh token is used once: the new one is stored before the new access
// token is used. Tesla accepts the last used one for a day, so that an answer that was lost can be asked for again.
import { type Clock, type FleetApi, FleetApiError, type OwnerTokens } from '@fleetbridge/fleet-api';
import type { AccountTokens, SealedTokens } from './sealed-tokens.js';

export interface RefreshParts {
  readonly fleet: Pick<FleetApi, 'refresh'>;
  readonly sealed: SealedTokens;
  readonly clock: Clock;
}

const USED_TOKEN_MS = 24 * 3_600_000;
const STORE_ATTEMPTS = 5;
const STORE_WAIT_MS = 500;

/** The tokens that are stored afterwards; undefined when another process, or a sign-in, has stored others meanwhile. */
export async function refreshAndStore(
  parts: RefreshParts,
  { version, tokens }: { version: number; tokens: AccountTokens },
): Promise<AccountTokens | undefined> {
  const { sealed, clock } = parts;
  const { clientId, refreshToken, usedRefreshToken: used } = tokens;
  const usable = used !== undefined && clock.nowMs() - used.usedMs < USED_TOKEN_MS ? used.token : undefined;
  let usedToken = refreshToken;
  let answer: RefreshAnswer | undefined = await refreshed(parts, { clientId, refreshToken });
  // a refresh of a process that was suspended may have replaced the stored token
  if (answer === undefined && usable !== undefined) {
    usedToken = usable;
    answer = await refreshed(parts, { clientId, refreshToken: usable });
  }
  if (answer === undefined) {
    await sealed.replace(version, { ...tokens, isSignInRequired: true });
    throw signInRequired();
  }
  const usedMs = clock.nowMs();
  const scopes = answer.scopes ?? tokens.scopes;
  const next = { ...tokensOf(answer, clientId, usedMs), scopes, usedRefreshToken: { token: usedToken, usedMs } };
  return (await storeTokens(parts, version, next)) ? next : undefined;
}

type RefreshAnswer = OwnerTokens & { refreshToken: string };

export function tokensOf(
  { accessToken, refreshToken, expiresInSeconds, scopes }: RefreshAnswer,
  clientId: string,
  nowMs: number,
): AccountTokens {
  return { clientId, accessToken, refreshToken, scopes, expiresMs: nowMs + expiresInSeconds * 1_000 };
}

export function signInRequired(): FleetApiError {
  return new FleetApiError({ problem: 'login_required', endpoint: 'token_refresh', delivery: 'answered' });
}

/** Undefined when Tesla refuses the token. An answer that was lost is asked for once more, with the same token. */
async function refreshed(
  { fleet }: RefreshParts,
  request: { clientId: string; refreshToken: string },
): Promise<RefreshAnswer | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await fleet.refresh(request);
    } catch (error) {
      if (!(error instanceof FleetApiError)) throw error;
      if (error.problem === 'login_required') return undefined;
      const isLost = error.delivery === 'unknown' || (error.status ?? 0) >= 500;
      if (attempt === 2 || !isLost) throw error;
    }
  }
}

/** Redis may be away for a moment. The tokens would be lost; Tesla then accepts the used token again. */
async function storeTokens({ sealed, clock }: RefreshParts, version: number, tokens: AccountTokens): Promise<boolean> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await sealed.replace(version, tokens);
    } catch (error) {
      if (attempt === STORE_ATTEMPTS) throw error;
      await clock.sleep(STORE_WAIT_MS);
    }
  }
}

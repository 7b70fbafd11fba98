// Calls with the owner's token: follows the account to its region, and asks for another token when one is rejected. Both
// answers are sent in place of an execution, so that the call may be repeated. `timeoutMs` limits all of it: a command
// must not leave when its client does not wait any more.
import { FleetApiError } from '../errors/index.js';
import type { Clock } from '../http/index.js';
import type { Answer, Call, Caller } from './caller.js';
import type { HomeRegion } from './home-region.js';
import { isObject, readAnswer } from './read-answer.js';

/** An access token; after a 401 another one than `rejected`, or the same if there is no other. */
export type AccessTokens = (rejected?: string) => Promise<string>;

export type OwnerCall = Omit<Call, 'url' | 'headers'> & { readonly path: string; readonly beforeSend?: BeforeSend };

/** Before each request that leaves for one call, also the one for the region. A rejection prevents it. */
export type BeforeSend = () => Promise<void>;

/** The answer, and the token that it belongs to. */
export type OwnerCaller = (call: OwnerCall) => Promise<{ answer: Answer; token: string }>;

export function createOwnerCaller(parts: {
  caller: Caller;
  home: HomeRegion;
  tokens: AccessTokens;
  clock: Pick<Clock, 'monotonicMs'>;
}): OwnerCaller {
  const { caller, home, tokens, clock } = parts;

  return async ({ timeoutMs, ...call }) => {
    const startMs = clock.monotonicMs();
    const leftMs = () => (timeoutMs === undefined ? undefined : timeoutMs - (clock.monotonicMs() - startMs));
    const isTimeLeft = () => (leftMs() ?? 1) > 0;
    let token = await tokens();
    let isMoved = false;
    let isRenewed = false;
    for (;;) {
      const apiUrl = home.apiUrl;
      await call.beforeSend?.();
      const answer = await caller({ ...requestOf(call, { apiUrl, token }), timeoutMs: leftMs() });
      if (!isTimeLeft()) return { answer, token };
      if (answer.status === 421 && !isMoved) {
        isMoved = true;
        // another call may have found the region meanwhile
        const isFound = home.apiUrl !== apiUrl || (await findRegion(answer, token, call.beforeSend));
        if (isFound && isTimeLeft()) continue;
      }
      if (answer.status === 401 && !isRenewed) {
        isRenewed = true;
        const other = await tokens(token);
        if (other !== token && isTimeLeft()) {
          token = other;
          continue;
        }
      }
      return { answer, token };
    }
  };

  /** Tesla's list of regions first, then the text of the 421. */
  async function findRegion({ body }: Answer, token: string, beforeSend?: BeforeSend): Promise<boolean> {
    const listed = await regionOf(token, beforeSend).catch((error) => {
      if (error instanceof FleetApiError) return undefined;
      throw error;
    });
    const named = /https:\/\/[\w.-]+(:\d+)?/.exec(body)?.[0];
    return [listed, named].some((url) => url !== undefined && home.moveTo(url));
  }

  async function regionOf(token: string, beforeSend?: BeforeSend): Promise<string | undefined> {
    await beforeSend?.();
    const call = { endpoint: 'region', method: 'GET', path: '/api/1/users/region' } as const;
    const answer = await caller(requestOf(call, { apiUrl: home.apiUrl, token }));
    const { response } = readAnswer(answer, { endpoint: 'region', secrets: [token] });
    const url = isObject(response) ? response.fleet_api_base_url : undefined;
    return typeof url === 'string' ? url : undefined;
  }
}

export function requestOf(
  { path, beforeSend: _, ...call }: OwnerCall,
  { apiUrl, token }: { apiUrl: string; token: string },
): Call {
  const headers = {
    authorization: `Bearer ${token}`,
    ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
  };
  return { ...call, url: `${apiUrl}${path}`, headers };
}

// Calls to Tesla that a client asks for: allowed paths and a fresh vehicle_data document. Each is reserved in the budget of
// the day and the month before it leaves. Nothing of the client's request but its path and query is sent.
import type { OwnerApi } from '@fleetbridge/fleet-api';
import { releaseForwardedCall, reserveForwardedCall, type Store } from '@fleetbridge/store';
import { parseSeed, SeedError } from '@fleetbridge/vehicle-state';
import { type AllowedPath, type MatchedPath, matchPath } from './allowed-paths.js';
import { BudgetUsedUp, failureAnswer, hasNotLeft, notADocument, type UpstreamAnswer, vehicleOnly } from './answers.js';

export type { UpstreamAnswer } from './answers.js';
export type ForwardedRequest = MatchedPath;

export interface UpstreamOptions {
  store: Store;
  allowed: readonly AllowedPath[];
  limits: { perDay: number; perMonth: number };
  /** Resolves with the owner's account. Rejects with TeslaAccountError, or when Redis does not answer. */
  connect: () => Promise<{ owner: Pick<OwnerApi, 'read'> }>;
  now: () => number;
  /** `answered`, `over_budget`, or the problem. */
  onOutcome: (outcome: string) => void;
  log: { info(fields: object, event: string): void; warn(fields: object, event: string): void };
}

export interface Upstream {
  /** Undefined: the request is not one that is forwarded. */
  match(method: string, url: string): ForwardedRequest | undefined;
  /** `vin` is the vehicle of the path, `isAccountGranted` whether the token is for all vehicles. */
  forward(request: ForwardedRequest, by: Requester & { isAccountGranted: boolean }): Promise<UpstreamAnswer>;
  /** Resolves with the text of one vehicle_data document of this vehicle. Several requests at once are one call. */
  document(vin: string, by: Requester): Promise<{ kind: 'document'; text: string } | UpstreamAnswer>;
}

export interface Requester {
  vin: string | undefined;
  principal: string;
}

export function createUpstream(options: UpstreamOptions): Upstream {
  const { store, allowed, limits, connect, now, onOutcome, log } = options;
  const documents = new Map<string, ReturnType<Upstream['document']>>();
  let loggedLimit = '';

  return {
    match: (method, url) => (method === 'GET' ? matchPath(allowed, url) : undefined),
    async forward({ parts, query }, { vin, principal, isAccountGranted }) {
      if (vin === undefined && !isAccountGranted) return vehicleOnly();
      // Tesla has other ids than this gateway, and the same VIN
      const path = vin === undefined ? parts : ['api', '1', 'vehicles', vin, ...parts.slice(4)];
      const suffix = query === '' ? '' : `?${query}`;
      const called = await call(`/${path.join('/')}${suffix}`, { vin, principal, route: path.slice(2) });
      return called.kind === 'failed' ? called.answer : { kind: 'answer', status: 200, headers: {}, body: called.body };
    },
    async document(vin, { principal }) {
      const running = documents.get(vin) ?? documentOf(vin, principal).finally(() => documents.delete(vin));
      documents.set(vin, running);
      return await running;
    },
  };

  async function documentOf(vin: string, principal: string): ReturnType<Upstream['document']> {
    const called = await call(`/api/1/vehicles/${vin}/vehicle_data`, { vin, principal, route: ['vehicle_data'] });
    if (called.kind === 'failed') return called.answer;
    try {
      parseSeed(called.body, vin);
      return { kind: 'document', text: called.body };
    } catch (error) {
      if (error instanceof SeedError) return notADocument(error.message);
      throw error;
    }
  }

  async function call(
    path: string,
    { vin, principal, route }: { vin: string | undefined; principal: string; route: readonly string[] },
  ): Promise<{ kind: 'called'; body: string } | { kind: 'failed'; answer: UpstreamAnswer }> {
    const nowMs = now();
    const name = route.filter((part) => part !== vin).join('/');
    try {
      const { owner } = await connect();
      const body = await owner.read(path, { beforeSend: () => reserve(nowMs) });
      onOutcome('answered');
      log.info({ vin, path: name, principal }, 'upstream_call_answered');
      return { kind: 'called', body };
    } catch (error) {
      if (hasNotLeft(error)) await releaseForwardedCall(store, { nowMs });
      const answer = failureAnswer(error, { nowMs, limits });
      // Redis: every request is answered with 503 then
      if (answer === undefined) throw error;
      onOutcome(answer.problem);
      if (!(error instanceof BudgetUsedUp)) {
        log.warn(
          { vin, path: name, principal, problem: answer.problem, status: answer.teslaStatus },
          'upstream_call_failed',
        );
      }
      return { kind: 'failed', answer };
    }
  }

  async function reserve(nowMs: number): Promise<void> {
    const reservation = await reserveForwardedCall(store, { nowMs, ...limits });
    if (reservation === 'reserved') return;
    const limit = `${reservation} ${new Date(nowMs).toISOString().slice(0, 10)}`;
    if (limit !== loggedLimit) {
      loggedLimit = limit;
      const calls = reservation === 'day' ? limits.perDay : limits.perMonth;
      log.warn({ period: reservation, calls }, 'upstream_budget_exceeded');
    }
    throw new BudgetUsedUp(reservation);
  }
}

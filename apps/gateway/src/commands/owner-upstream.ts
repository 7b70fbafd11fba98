// The upstream on the owner's account. Nothing is repeated here but what Tesla rejected before it was executed: a token that
// has expired, and another region. An answer that is lost is unknown.
import {
  type AccessTokens,
  type Clock,
  type FleetApi,
  FleetApiError,
  type OwnerApi,
  type RawAnswer,
} from '@fleetbridge/fleet-api';
import { MAX_ANSWER_BYTES, signedCommandBody, type TransportResult } from '@fleetbridge/vehicle-command';
import { accountProblem, tokenWithin } from './account-problem.js';
import type { Upstream } from './upstream.js';

export interface OwnerUpstreamOptions {
  fleet: Pick<FleetApi, 'owner'>;
  /** May take longer than a command has time. */
  tokens: AccessTokens;
  clock: Pick<Clock, 'monotonicMs' | 'after'>;
}

export function ownerUpstream({ fleet, tokens, clock }: OwnerUpstreamOptions): Upstream {
  return {
    signedCommand: async (vin, message, limit) => {
      const result = await send(limit, (owner) => owner.signedCommand(vin, signedCommandBody(message), limit));
      const isTooLong = result.kind === 'http' && result.body.length > MAX_ANSWER_BYTES;
      return isTooLong ? { kind: 'broken', cause: `answer of more than ${MAX_ANSWER_BYTES} bytes` } : result;
    },
    plainCommand: (vin, name, body, limit) => send(limit, (owner) => owner.command(vin, name, body, limit)),
    wakeUp: (vin, limit) => send(limit, (owner) => owner.sendWakeUp(vin, limit)),
  };

  async function send(
    { timeoutMs }: { timeoutMs: number },
    call: (owner: OwnerApi) => Promise<RawAnswer>,
  ): Promise<TransportResult> {
    const endMs = clock.monotonicMs() + timeoutMs;
    // nothing is sent with a token that arrives later
    const timely: AccessTokens = (rejected) => tokenWithin(clock, endMs - clock.monotonicMs(), tokens(rejected));
    try {
      const { status, body, retryAfterSeconds } = await call(fleet.owner(timely));
      const retryAfter = retryAfterSeconds === undefined ? {} : { retryAfter: String(retryAfterSeconds) };
      return { kind: 'http', status, body, ...retryAfter };
    } catch (error) {
      return failureOf(error);
    }
  }
}

/** The error is that of the call, or of a token: before the call, or after Tesla has rejected it with 401. */
function failureOf(error: unknown): TransportResult {
  const isOfCall = error instanceof FleetApiError && !error.endpoint.startsWith('token_');
  if (isOfCall && error.delivery === 'unknown') {
    return error.problem === 'time_limit' ? { kind: 'timed_out' } : { kind: 'broken', cause: error.message };
  }
  const problem = accountProblem(error);
  if (problem?.kind === 'not_set_up') {
    const body = { response: null, error: problem.meaning, error_description: problem.remedy };
    return { kind: 'http', status: 401, body: JSON.stringify(body) };
  }
  return { kind: 'not_sent', cause: problem?.cause ?? 'Redis does not answer' };
}

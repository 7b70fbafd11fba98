// Calls with limits, retries and counting. The answer may have any status; only a missing answer is an error.
import { FleetApiError } from '../errors/index.js';
import {
  type Clock,
  type FailureReason,
  type HttpRequest,
  type HttpResult,
  retryAfterSeconds,
  send,
} from '../http/index.js';
import { type CallKind, type Endpoint, endpoints } from './endpoints.js';

export interface CallerOptions {
  readonly clock: Clock;
  /** From 0 to 1, so that several processes do not retry at the same moment. */
  readonly random: () => number;
  /** PEM of FLEET_CA_FILE. */
  readonly ca?: string | undefined;
  /** For each request that left, and each that did not. */
  readonly onCall?: ((call: CountedCall) => void) | undefined;
  readonly limits?: Partial<CallLimits> | undefined;
}

export interface CallLimits {
  /** Of one request. */
  readonly attemptMs: number;
  /** Of all attempts together, with the waits between them. */
  readonly totalMs: number;
  readonly maxBytes: number;
}

export interface CountedCall {
  readonly endpoint: Endpoint;
  readonly kind: CallKind;
  /** Undefined without an answer. */
  readonly status: number | undefined;
  /** Tesla bills every answer below 500; an answer that was lost may be billed too. */
  readonly isBillable: boolean;
  /** Of Tesla's clock, to the second; undefined without an answer that names it. */
  readonly dateMs: number | undefined;
}

export interface Call extends HttpRequest {
  readonly endpoint: Endpoint;
  /** In place of the limit of one attempt, for calls that are made once. */
  readonly timeoutMs?: number | undefined;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly retryAfterSeconds: number | undefined;
  /** Of Tesla's clock. */
  readonly date: string | undefined;
}

/** Throws FleetApiError when there is no answer. */
export type Caller = (call: Call) => Promise<Answer>;

const DEFAULT_LIMITS: CallLimits = { attemptMs: 10_000, totalMs: 30_000, maxBytes: 4_000_000 };
const MAX_ATTEMPTS = 3;
const FIRST_BACKOFF_MS = 500;

export function createCaller({ clock, random, ca, onCall, limits: given }: CallerOptions): Caller {
  const limits = { ...DEFAULT_LIMITS, ...given };

  return async (call) => {
    const deadlineMs = clock.monotonicMs() + limits.totalMs;
    for (let attempt = 1; ; attempt += 1) {
      const leftMs = deadlineMs - clock.monotonicMs();
      const timeoutMs = Math.max(1, Math.min(call.timeoutMs ?? limits.attemptMs, leftMs));
      const result = await send({ clock, ca }, call, { timeoutMs, maxBytes: limits.maxBytes });
      onCall?.(countedCall(call.endpoint, result));
      const outcome = outcomeOf(call.endpoint, result);
      const waitMs = attempt < MAX_ATTEMPTS ? waitBefore(call, outcome, backoffMs(attempt)) : undefined;
      if (waitMs === undefined || waitMs >= deadlineMs - clock.monotonicMs()) {
        if (outcome instanceof FleetApiError) throw outcome;
        return outcome;
      }
      await clock.sleep(waitMs);
    }
  };

  function outcomeOf(endpoint: Endpoint, result: HttpResult): Answer | FleetApiError {
    if (result.kind === 'failed') return lostAnswer(endpoint, result);
    const { status, body, headers } = result;
    const retryAfter = retryAfterSeconds({ header: headers.retryAfter, body }, clock.nowMs());
    return { status, body, retryAfterSeconds: retryAfter, date: headers.date };
  }

  function backoffMs(attempt: number): number {
    return FIRST_BACKOFF_MS * 2 ** (attempt - 1) * (1 + random());
  }
}

/** Undefined: not to repeat. */
function waitBefore({ endpoint }: Call, outcome: Answer | FleetApiError, backoffMs: number): number | undefined {
  const { repeat } = endpoints[endpoint];
  if (repeat === 'never') return undefined;
  if (outcome instanceof FleetApiError) {
    const isRepeatable =
      outcome.problem === 'not_reachable' ||
      (repeat === 'safe' && ['answer_lost', 'time_limit'].includes(outcome.problem));
    return isRepeatable ? backoffMs : undefined;
  }
  const { status, retryAfterSeconds: seconds } = outcome;
  // 429 is sent in place of an execution
  if (status === 429) return seconds === undefined ? backoffMs : seconds * 1_000;
  if (status >= 500 && repeat === 'safe') return Math.max(backoffMs, (seconds ?? 0) * 1_000);
  return undefined;
}

function countedCall(endpoint: Endpoint, result: HttpResult): CountedCall {
  const kind: CallKind = endpoints[endpoint].kind;
  const status = result.kind === 'answered' ? result.status : undefined;
  const isAnswerBilled = result.kind === 'answered' ? result.status < 500 : result.isSent;
  const dateMs = result.kind === 'answered' ? dateOf(result.headers.date) : undefined;
  return { endpoint, kind, status, isBillable: kind !== 'free' && isAnswerBilled, dateMs };
}

function dateOf(header: string | undefined): number | undefined {
  const ms = Date.parse(header ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}

function lostAnswer(
  endpoint: Endpoint,
  { reason, isSent, cause }: { reason: FailureReason; isSent: boolean; cause: unknown },
): FleetApiError {
  if (!isSent) {
    const problem = reason === 'certificate' ? 'certificate_not_trusted' : 'not_reachable';
    return new FleetApiError({ problem, endpoint, delivery: 'not_sent', cause });
  }
  const problem =
    ({ timeout: 'time_limit', too_large: 'answer_too_large' } as const)[reason as string] ?? 'answer_lost';
  return new FleetApiError({ problem, endpoint, delivery: 'unknown', cause });
}

// Failures of forwarded calls as answers to the client, in the form of Tesla's API with the problem beside it. A status that
// is about the owner's account is not passed on: clients read 401 and 403 as a verdict on their own token.
import { FleetApiError } from '@fleetbridge/fleet-api';
import { TeslaAccountError } from '@fleetbridge/tesla-account';

export interface UpstreamAnswer {
  kind: 'answer';
  status: number;
  headers: Readonly<Record<string, string>>;
  /** JSON. */
  body: string;
}

export interface FailureAnswer extends UpstreamAnswer {
  problem: string;
  teslaStatus: number | undefined;
}

/** No call has left. */
export class BudgetUsedUp extends Error {
  override readonly name = 'BudgetUsedUp';
  readonly period: 'day' | 'month';

  constructor(period: 'day' | 'month') {
    super(`the calls to Tesla of this ${period} are used up`);
    this.period = period;
  }
}

interface Failure {
  status: number;
  error: string;
  description: string;
  problem: string;
  teslaStatus?: number | undefined;
  retryAfterSeconds?: number | undefined;
}

/** Undefined for an error of the store. */
export function failureAnswer(
  error: unknown,
  { nowMs, limits }: { nowMs: number; limits: { perDay: number; perMonth: number } },
): FailureAnswer | undefined {
  if (error instanceof BudgetUsedUp) return answerOf(budgetFailure(error, { nowMs, limits }));
  if (error instanceof TeslaAccountError) {
    const { problem, meaning, remedy } = error;
    return answerOf({ status: 503, error: problem, description: `${meaning} ${remedy}`, problem });
  }
  return error instanceof FleetApiError ? answerOf(teslaFailure(error)) : undefined;
}

/** Whether the call that was reserved last has not left. Calls for tokens are not reserved. */
export function hasNotLeft(error: unknown): boolean {
  return error instanceof FleetApiError && error.delivery === 'not_sent' && !error.endpoint.startsWith('token_');
}

export function notADocument(description: string): UpstreamAnswer {
  return answerOf({ status: 502, error: 'answer_not_valid', description, problem: 'answer_not_valid' });
}

export function vehicleOnly(): UpstreamAnswer {
  const description = 'this path is of the whole account, and the token is for one vehicle';
  return answerOf({ status: 403, error: 'Unauthorized missing scopes', description, problem: 'vehicle_token' });
}

function budgetFailure(
  { period }: BudgetUsedUp,
  { nowMs, limits }: { nowMs: number; limits: { perDay: number; perMonth: number } },
): Failure {
  const date = new Date(nowMs);
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  const nextMs = period === 'day' ? Date.UTC(year, month, day + 1) : Date.UTC(year, month + 1);
  const [calls, variable] =
    period === 'day'
      ? [limits.perDay, 'GATEWAY_UPSTREAM_CALLS_PER_DAY']
      : [limits.perMonth, 'GATEWAY_UPSTREAM_CALLS_PER_MONTH'];
  return {
    status: 429,
    error: 'budget_exceeded',
    description: `the ${calls} calls to Tesla per ${period} (UTC) are used up, so nothing was sent; ${variable} changes the limit`,
    problem: 'budget_exceeded',
    retryAfterSeconds: Math.ceil((nextMs - nowMs) / 1000),
  };
}

function teslaFailure(error: FleetApiError): Failure {
  const { problem, meaning, remedy, teslaError, retryAfterSeconds } = error;
  const status = statusOf(error);
  return {
    status,
    // clients recognize a sleeping vehicle, and one in service, by Tesla's words
    error: status === error.status && teslaError !== undefined && teslaError !== '' ? teslaError : problem,
    description: `${meaning} ${remedy}`,
    problem,
    teslaStatus: error.status,
    retryAfterSeconds,
  };
}

const OF_THE_ACCOUNT = [401, 402, 403, 412, 421];

function statusOf({ status, problem, delivery }: FleetApiError): number {
  if (problem === 'time_limit') return 504;
  if (delivery !== 'answered' || status === undefined) return 502;
  return status < 400 || status >= 500 || OF_THE_ACCOUNT.includes(status) ? 502 : status;
}

function answerOf({ status, error, description, problem, teslaStatus, retryAfterSeconds }: Failure): FailureAnswer {
  const body = { response: null, error, error_description: description, problem, tesla_status: teslaStatus };
  return {
    kind: 'answer',
    status,
    headers: retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) },
    body: JSON.stringify(body),
    problem,
    teslaStatus,
  };
}

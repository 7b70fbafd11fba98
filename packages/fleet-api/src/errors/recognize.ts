// Which problem an answer of Tesla is: by its text where Tesla has one, otherwise by its status and what was asked.
import type { Problem } from './problems.js';

/** `text` has everything that Tesla wrote: error, error_description, and the body if it is not JSON. */
export function problemOfAnswer(status: number, text: string, endpoint = ''): Problem {
  if (status >= 300 && status < 400) return 'answer_not_valid';
  const byText = texts.find(([pattern, , statuses]) => pattern.test(text) && (statuses?.includes(status) ?? true));
  const asked = /^token_/.test(endpoint) ? tokenProblem(endpoint, status, byText?.[1]) : pathProblem(endpoint, status);
  return asked ?? byText?.[1] ?? statusProblems[status] ?? (status >= 500 ? 'tesla_failed' : 'request_rejected');
}

/** Servers of OAuth differ in their words: what was sent decides what can be wrong. */
function tokenProblem(endpoint: string, status: number, byText: Problem | undefined): Problem | undefined {
  const isGrant = byText === 'code_rejected' || (byText === undefined && status === 401);
  if (endpoint === 'token_refresh') return isGrant ? 'login_required' : undefined;
  if (endpoint === 'token_code') return byText === 'login_required' || isGrant ? 'code_rejected' : undefined;
  return status === 401 ? 'unauthorized_client' : undefined;
}

/** A path without a VIN is always there. */
function pathProblem(endpoint: string, status: number): Problem | undefined {
  return status === 404 && accountPaths.has(endpoint) ? 'answer_not_valid' : undefined;
}

const accountPaths: ReadonlySet<string> = new Set([
  ...['register', 'region', 'products', 'vehicles', 'fleet_telemetry_errors', 'fleet_telemetry_error_vins'],
]);

/** The first that matches. */
const texts: readonly (readonly [pattern: RegExp, problem: Problem, statuses?: readonly number[]])[] = [
  [/EXCEEDED_LIMIT/i, 'billing_limit'],
  [/limit_reached/i, 'limit_reached'],
  [/login_required/i, 'login_required'],
  [/unauthorized_client|invalid_client/i, 'unauthorized_client'],
  [/invalid_grant|invalid_auth_code/i, 'code_rejected'],
  [/domain is not valid/i, 'domain_not_valid'],
  [/host ?name (domain )?does not match/i, 'domain_mismatch'],
  [/public key download failed/i, 'public_key_download_failed'],
  [/invalid.?signature/i, 'invalid_signature'],
  [/scope|^(forbidden|unauthorized)?$/i, 'scope_missing', [403]],
  [/scope/i, 'scope_missing', [401]],
  [/must be registered|(domain|account|application) (is )?not registered/i, 'not_registered'],
  [/vehicle unavailable|vehicle is offline/i, 'vehicle_asleep', [408]],
];

const statusProblems: Readonly<Record<number, Problem>> = {
  401: 'token_rejected',
  402: 'payment_required',
  404: 'vehicle_not_found',
  408: 'vehicle_asleep',
  412: 'not_registered',
  421: 'wrong_region',
  429: 'rate_limited',
};

// Which problem an answer of Tesla is: by its text where Tesla has one, otherwise by its status.
import type { Problem } from './problems.js';

/** `text` has everything that Tesla wrote: error, error_description, and the body if it is not JSON. */
export function problemOfAnswer(status: number, text: string): Problem {
  if (status < 400) return 'answer_not_valid';
  const byText = texts.find(([pattern, , statuses]) => pattern.test(text) && (statuses?.includes(status) ?? true));
  return byText?.[1] ?? statusProblems[status] ?? (status >= 500 ? 'tesla_failed' : 'request_rejected');
}

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
  [/missing scopes?|insufficient.?scope/i, 'scope_missing', [401, 403]],
  [/must be registered in the current region/i, 'not_registered'],
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

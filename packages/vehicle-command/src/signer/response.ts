// The HTTP answer to a client, in the shapes of tesla-http-proxy. Its statuses are corrected, unless `proxy` is chosen.
import type { RepeatClass } from '../commands/index.js';
import type { CommandOutcome, UnknownOutcome } from './outcome.js';

/** `standard`: 408 asleep, 412 not paired, 504 time-out. `proxy`: the statuses of tesla-http-proxy, 500 for all three. */
export type StatusCodes = 'standard' | 'proxy';

export interface CommandResponse {
  status: number;
  /** JSON, except for Tesla's errors that are passed on and a body that can't be read. */
  body: string;
  headers: Record<string, string>;
}

/** Outcomes that have an answer of their own; `needs_rest` is answered by Tesla's REST API. */
export type AnsweredOutcome = Exclude<CommandOutcome, { kind: 'needs_rest' }>;

export function commandResponse(outcome: AnsweredOutcome, codes: StatusCodes): CommandResponse {
  const isProxy = codes === 'proxy';
  switch (outcome.kind) {
    case 'done':
      return json(200, { response: { result: true, reason: '' } });
    case 'refused':
      return nominal(200, outcome.reason);
    case 'parameter_error': {
      const status = isProxy ? outcome.proxyStatus : 400;
      return outcome.form === 'nominal' ? nominal(status, outcome.text) : plain(status, outcome.text);
    }
    case 'unknown_command':
      return plain(400, 'invalid_command');
    case 'invalid_body':
      return { status: 400, body: 'error occurred while parsing request parameters', headers: textHeaders };
    case 'unavailable':
      return plain(isProxy ? 500 : 408, 'vehicle unavailable: vehicle is offline or asleep');
    case 'not_paired': {
      const text = 'vehicle rejected request: your public key has not been paired with the vehicle';
      return plain(isProxy ? 500 : 412, text);
    }
    case 'fault':
      return plain(500, outcome.fault.name, isProxy ? '' : outcome.fault.advice);
    case 'failed':
      return plain(500, outcome.text);
    case 'gave_up':
      return isProxy ? deadlineExceeded : plain(504, gaveUpText(outcome.fault?.name), notExecuted);
    case 'unknown':
      return isProxy ? unknownOfProxy(outcome) : plain(504, unknownText(outcome), repeatAdvice[outcome.repeat]);
    case 'http_error':
      return passedOn(outcome, isProxy);
    case 'invalid_server_answer':
      return plain(isProxy ? 500 : 502, 'unable to parse server response: expected JSON');
    case 'unreachable':
      return isProxy ? deadlineExceeded : plain(502, `Tesla can't be reached: ${outcome.cause}`, notExecuted);
  }
}

const jsonHeaders = { 'content-type': 'application/json' };
const textHeaders = { 'content-type': 'text/plain; charset=utf-8' };
const notExecuted = 'The command was not executed.';
const deadlineExceeded = plain(500, 'context deadline exceeded');

function json(status: number, body: object): CommandResponse {
  return { status, body: JSON.stringify(body), headers: jsonHeaders };
}

function nominal(status: number, reason: string): CommandResponse {
  return json(status, { response: { result: false, reason }, error: '', error_description: '' });
}

function plain(status: number, error: string, description = ''): CommandResponse {
  return json(status, { response: null, error, error_description: description });
}

function passedOn(error: { status: number; body: string; retryAfter?: string }, isProxy: boolean): CommandResponse {
  const seconds =
    error.retryAfter ?? (error.status === 429 ? /Retry in (\d+) seconds/.exec(error.body)?.[1] : undefined);
  const retryAfter = seconds !== undefined && !isProxy ? { 'retry-after': seconds } : {};
  return { status: error.status, body: error.body, headers: { ...jsonHeaders, ...retryAfter } };
}

function gaveUpText(fault: string | undefined): string {
  const reason = fault === undefined ? '' : `: ${fault}`;
  return `command not executed within the limits of time and attempts${reason}`;
}

function unknownText({ cause, isReceived }: UnknownOutcome): string {
  const what = isReceived
    ? 'outcome unknown: the vehicle received the command and may have executed it'
    : 'outcome unknown: the command may have been executed';
  return cause.kind === 'http' ? `${what} (Tesla answered ${cause.status})` : what;
}

const repeatAdvice: Record<RepeatClass, string> = {
  same: 'Sending the command again changes nothing more.',
  same_with_id: 'Sending the command again with the same id changes nothing more.',
  harmless: 'Sending the command again is harmless.',
  toggle: 'Check the vehicle before sending the command again: it would change again.',
  destructive: 'Check the vehicle before sending the command again.',
};

/** Tesla's proxy passes errors of Tesla on, reports 503 as asleep, and everything else as its time-out. */
function unknownOfProxy({ cause }: UnknownOutcome): CommandResponse {
  if (cause.kind === 'fault' && cause.fault.remedy === 'received') return plain(500, cause.fault.name);
  if (cause.kind === 'unparsable') return plain(500, 'unable to parse vehicle response');
  if (cause.kind !== 'http' || cause.status === 408) return deadlineExceeded;
  if (cause.status === 503) return plain(500, 'vehicle unavailable: vehicle is offline or asleep');
  return passedOn(cause, true);
}

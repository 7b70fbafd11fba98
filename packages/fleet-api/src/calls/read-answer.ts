// The JSON of a successful answer, or the error of another one.
import { FleetApiError, problemOfAnswer } from '../errors/index.js';
import type { Answer } from './caller.js';
import type { Endpoint } from './endpoints.js';

const MAX_TEXT = 300;

export interface ReadOptions {
  readonly endpoint: Endpoint;
  /** The status is the answer: the body may be empty. */
  readonly mayBeEmpty?: boolean | undefined;
  /** Values of the request that must not appear in an error. */
  readonly secrets: readonly string[];
}

/** Throws FleetApiError for another status than 2xx, for an error in its place, and for a body that is not a JSON object. */
export function readAnswer(answer: Answer, { endpoint, secrets, mayBeEmpty = false }: ReadOptions): JsonObject {
  const { status, body } = answer;
  const value = parse(body);
  const text = textOf(value, body);
  if (status >= 200 && status < 300) {
    if (value === undefined && mayBeEmpty && /^\s*(null)?\s*$/.test(body)) return {};
    if (value === undefined)
      throw new FleetApiError({ problem: 'answer_not_valid', endpoint, delivery: 'answered', status });
    if (!isError(value, text)) return value;
  }
  throw new FleetApiError({
    problem: problemOfAnswer(status, text, endpoint),
    endpoint,
    delivery: 'answered',
    status,
    teslaError: printable(text, secrets),
    retryAfterSeconds: answer.retryAfterSeconds,
  });
}

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** For a field that Tesla's answer lacks. */
export function notValid(endpoint: Endpoint, what: string): FleetApiError {
  const cause = new TypeError(`expected ${what}`);
  return new FleetApiError({ problem: 'answer_not_valid', endpoint, delivery: 'answered', cause });
}

function parse(body: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The page of a proxy is not quoted. */
function textOf(value: JsonObject | undefined, body: string): string {
  if (value === undefined) return /<\w/.test(body) ? '' : body.trim();
  const { error, errors, error_description: description, message } = value;
  const parts = [error, errors, description, message]
    .flat()
    .flatMap((part) => (isObject(part) ? Object.values(part) : part));
  return parts.filter((part) => typeof part === 'string' && part !== '').join(': ');
}

/** An error with status 200. */
function isError({ response, ...rest }: JsonObject, text: string): boolean {
  return (response === null || response === undefined) && 'error' in rest && text !== '';
}

function printable(text: string, secrets: readonly string[]): string {
  const clean = secrets
    .flatMap((secret) => [secret, new URLSearchParams({ '': secret }).toString().slice(1)])
    // a shorter one is not of Tesla, and could be a part of any word
    .filter((secret) => secret.length >= 8)
    .reduce((rest, secret) => rest.replaceAll(secret, '***'), text)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters could change a terminal
    .replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
  return clean.length > MAX_TEXT ? `${clean.slice(0, MAX_TEXT)}…` : clean;
}

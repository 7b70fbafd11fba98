// Answers of the stand-in, in the forms that Tesla's API has.

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** From the path: a VIN or an id. */
  readonly vehicle: string | undefined;
  readonly authorization: string | undefined;
  readonly body: string;
  readonly region: Region;
}

/** `na` includes Asia and the Pacific. */
export type Region = 'na' | 'eu' | 'cn';

export function json(status: number, value: unknown): Answer {
  return { status, body: JSON.stringify(value), headers: { 'content-type': 'application/json' } };
}

export const success = (response: unknown): Answer => json(200, { response });

export function failure(status: number, error: string, description = ''): Answer {
  return json(status, { response: null, error, error_description: description });
}

/** Sign-in has no `response` around its errors. */
export function signInFailure(status: number, error: string, description: string): Answer {
  return json(status, { error, error_description: description });
}

/** The object in a JSON body; undefined when it is not one. */
export function readBody(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// Errors in the form of Tesla's API. TeslaMate distinguishes them by status and by the beginning of `error`, so these
// texts are part of the contract; `error_description` is for people.

export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly statusCode: number;
  readonly error: string;

  constructor(statusCode: number, error: string, description: string) {
    super(description);
    this.statusCode = statusCode;
    this.error = error;
  }
}

export interface ErrorBody {
  response: null;
  error: string;
  error_description: string;
}

export function errorBody({ error, message }: ApiError): ErrorBody {
  return { response: null, error, error_description: message };
}

export const apiErrors = {
  unauthorized: () =>
    new ApiError(401, 'invalid bearer token', 'a token is required: as Authorization: Bearer, or as ?token='),
  vehicleNotFound: () =>
    new ApiError(404, 'not_found', 'this vehicle is not admitted, or the token is for another one'),
  commandNotAllowed: (name: string) =>
    new ApiError(403, 'Unauthorized missing scopes', `the token does not allow the vehicle command ${name}`),
  commandsOff: () =>
    new ApiError(404, 'not_found: unknown path', 'vehicle commands are off; docs/commands.md describes COMMANDS=on'),
  routeNotFound: () =>
    new ApiError(404, 'not_found: unknown path', 'this gateway answers the paths of docs/gateway.md only'),
  wrongMethod: (allowed: string) =>
    new ApiError(405, 'method not allowed', `this path answers ${allowed} requests only`),
  invalidVins: () =>
    new ApiError(400, 'invalid_vins', 'expected a body such as {"vins":["5YJ3E1EA7KF000001"]}, a list of texts'),
  unavailable: () =>
    new ApiError(408, 'vehicle unavailable: vehicle is offline or asleep', 'no telemetry is received from the vehicle'),
  inService: () =>
    new ApiError(405, 'vehicle is currently in service', 'the vehicle reports that its service mode is on'),
  notReady: () => new ApiError(503, 'temporarily unavailable', 'the log can not be read; try again in a moment'),
};

/** Any other error of a request. Its own message is only for the log: it can have a part of the address, with a token. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const { statusCode } = error as { statusCode?: number };
  if (statusCode === undefined || statusCode >= 500) return apiErrors.notReady();
  const [code, description] = requestErrors[statusCode] ?? requestErrors[400]!;
  return new ApiError(statusCode, code, description);
}

const requestErrors: Readonly<Record<number, readonly [error: string, description: string]>> = {
  400: ['bad_request', 'the address or the body of the request is not valid; a body is JSON or a form'],
  413: ['request_too_large', 'the body of the request is too large; expected at most 64 kB'],
  414: ['address_too_long', 'a part of the address is too long; expected an id or a VIN'],
  415: ['unsupported_media_type', 'expected a body of type application/json or application/x-www-form-urlencoded'],
};

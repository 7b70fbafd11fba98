// GATEWAY_UPSTREAM_PATHS: which requests are forwarded. Parts of a path that could mean another path at Tesla, such as `..`
// or an encoded slash, match nothing.

/** `*` matches one part. */
export type AllowedPath = readonly string[];

export interface MatchedPath {
  /** The parts of the request's path, of which each is a plain word. */
  parts: readonly string[];
  /** Without its `?`, and without the client's token. */
  query: string;
  /** As the client names the vehicle; undefined: a path of the account. */
  vehicle: string | undefined;
}

/** Returns a RangeError with the first entry that is not valid as its message. */
export function parseAllowedPaths(entries: readonly string[]): readonly AllowedPath[] | RangeError {
  const paths: AllowedPath[] = [];
  for (const entry of entries) {
    const [, path] = /^(?:GET\s+)?(\/api\/1\/\S+)$/.exec(entry) ?? [];
    const parts = path?.slice(1).split('/') ?? [];
    if (path === undefined || !parts.every((part) => part === '*' || isPlain(part))) return new RangeError(entry);
    paths.push(parts);
  }
  return paths;
}

/** Undefined: not allowed. `url` as in the request line. */
export function matchPath(allowed: readonly AllowedPath[], url: string): MatchedPath | undefined {
  const [path = '', ...queries] = url.split('?');
  const parts = path.slice(1).split('/');
  if (url.length > MAX_LENGTH || !path.startsWith('/') || !parts.every(isPlain)) return undefined;
  if (!allowed.some((pattern) => matches(pattern, parts))) return undefined;
  const query = new URLSearchParams(queries.join('?'));
  query.delete('token');
  return { parts, query: query.toString(), vehicle: parts[VEHICLES_AT] === 'vehicles' ? parts[VEHICLE_AT] : undefined };
}

const MAX_LENGTH = 2_000;
/** In /api/1/vehicles/{id}. */
const VEHICLES_AT = 2;
const VEHICLE_AT = 3;

function matches(pattern: AllowedPath, parts: readonly string[]): boolean {
  return pattern.length === parts.length && pattern.every((part, at) => part === '*' || part === parts[at]);
}

function isPlain(part: string): boolean {
  return /^[\w-][\w.-]*$/.test(part);
}

// The kinds of value that a variable can have. Each is a zod schema that reads text (environment) or the scalar that a
// YAML or JSON file has in its place, and carries the sentence that the error list and the docs share.
import { accessSync, constants, statSync } from 'node:fs';
import { z } from 'zod';
import { Secret } from './secret.js';

/** A TCP port; 0 asks the system for any free one. */
export function port() {
  return integer({ min: 0, max: 65_535, expected: 'a port number from 0 to 65535' });
}

export function integer({
  min = Number.MIN_SAFE_INTEGER,
  max = Number.MAX_SAFE_INTEGER,
  unit,
  expected = `a whole number${range(min, max)}`,
}: {
  min?: number;
  max?: number;
  unit?: string;
  expected?: string;
} = {}) {
  return value({ expected, ...(unit === undefined ? {} : { unit }) }, (text) => {
    const number = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
    return number >= min && number <= max ? number : undefined;
  });
}

/**
 * A time in seconds, fractions allowed. The default limit is the longest that a Node timer can wait: setTimeout fires
 * at once for anything over 2^31-1 ms, which would turn "never" into "always".
 */
export function durationSeconds({ min = 0, max = 2_147_483 }: { min?: number; max?: number } = {}) {
  return value({ expected: `a number of seconds from ${min} to ${max}`, unit: 'seconds' }, (text) => {
    const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    return seconds >= min && seconds <= max ? seconds : undefined;
  });
}

/** A switch. */
export function flag() {
  return value({ expected: 'on or off (true or false, yes or no, 1 or 0)' }, (text) => {
    const word = text.toLowerCase();
    if (['on', 'true', 'yes', '1'].includes(word)) return true;
    if (['off', 'false', 'no', '0'].includes(word)) return false;
    return undefined;
  });
}

/** One word of a closed set, written exactly so. */
export function oneOf<const Word extends string>(words: readonly Word[]) {
  return value({ expected: `one of ${words.join(', ')}` }, (text) => words.find((word) => word === text));
}

/** Any text that isn't blank; `pattern` and `expected` narrow it together. */
export function text({ pattern, expected = 'a text' }: { pattern?: RegExp; expected?: string } = {}) {
  return value({ expected }, (given) => (given === '' || pattern?.test(given) === false ? undefined : given));
}

/** A list of texts; blanks around the commas and empty places don't count. */
export function commaList() {
  return value({ expected: 'a list separated by commas' }, (text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  );
}

/** The path of a file, as it was written. `mustExist` makes a file that can't be read a mistake of the list. */
export function filePath({ mustExist = false }: { mustExist?: boolean } = {}) {
  return value({ expected: mustExist ? 'the path of a file that can be read' : 'the path of a file' }, (text) =>
    text !== '' && (!mustExist || isReadableFile(text)) ? text : undefined,
  );
}

/** A URL with a host, as it was written. Protocols are named with or without their colon. */
export function url({ protocols }: { protocols: readonly string[] }) {
  const schemes = protocols.map((protocol) => protocol.replace(/:$/, ''));
  return value(
    { expected: `a URL that starts with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}` },
    (text) =>
      // URL alone would accept "https:host" without its slashes.
      schemes.some((scheme) => text.toLowerCase().startsWith(`${scheme}://`)) && isUrlWithHost(text) ? text : undefined,
  );
}

/** The URL of a Redis, or of some nodes of a Redis Cluster, as it was written. */
export function redisUrl() {
  const expected =
    'redis://[user:password@]host:port (rediss:// for TLS), or redis+cluster://[user:password@]host:port,host:port,… (rediss+cluster://)';
  return value({ expected: `a URL like ${expected}` }, (text) =>
    isRedisUrl(text) || isClusterUrl(text) ? text : undefined,
  );
}

function isRedisUrl(text: string): boolean {
  if (!/^rediss?:\/\//i.test(text) || !isUrlWithHost(text)) return false;
  const { username, password } = new URL(text);
  return isDecodable(username) && isDecodable(password);
}

// A cluster has one database and our settings, so there is neither a path nor a query.
function isClusterUrl(text: string): boolean {
  const [, access = '', hosts = ''] = /^rediss?\+cluster:\/\/(?:(.*)@)?([^@]+)$/is.exec(text) ?? [];
  return (
    hosts.split(',').every((host) => {
      const url = `redis://${host}`;
      return /^(\[[\da-f:.]+\]|[^\s:/?#[\]]+)(:\d+)?$/i.test(host) && isUrlWithHost(url);
    }) &&
    isUrlWithHost(`redis://${access}@host`) &&
    isDecodable(access)
  );
}

function isUrlWithHost(text: string): boolean {
  return URL.canParse(text) && new URL(text).host !== '';
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    // a % that begins no escape: the password was not encoded
    return false;
  }
}

/** A text that is never printed. `X_FILE` may name the file that holds it. */
export function secret() {
  return value({ expected: 'a secret text', secret: true, keepBlanks: true }, (given) =>
    given.trim() === '' ? undefined : new Secret(given),
  );
}

/** What `meta()` of a value can hold beside zod's own `description`. */
export interface ValueMeta {
  expected?: string;
  unit?: string;
  example?: string;
  secret?: boolean;
}

function value<T>(
  { keepBlanks = false, ...meta }: ValueMeta & { expected: string; keepBlanks?: boolean },
  read: (text: string) => T | undefined,
) {
  return z
    .unknown()
    .transform((given, context): T => {
      const text = asText(given);
      const result = text === undefined ? undefined : read(keepBlanks ? text : text.trim());
      if (result !== undefined) return result;
      context.addIssue({ code: 'custom', message: `expected ${meta.expected}` });
      return z.NEVER;
    })
    .meta({ ...meta });
}

// A file says 4443, true or [a, b] where the environment can only say "4443", "true" and "a,b".
function asText(given: unknown): string | undefined {
  if (Array.isArray(given)) {
    const items = given.map(asText);
    return items.includes(undefined) ? undefined : items.join(',');
  }
  if (typeof given === 'string') return given;
  return typeof given === 'number' || typeof given === 'boolean' ? String(given) : undefined;
}

function range(min: number, max: number): string {
  const hasMin = min > Number.MIN_SAFE_INTEGER;
  const hasMax = max < Number.MAX_SAFE_INTEGER;
  if (hasMin && hasMax) return ` from ${min} to ${max}`;
  if (hasMin) return `, at least ${min}`;
  return hasMax ? `, at most ${max}` : '';
}

function isReadableFile(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return statSync(path).isFile();
  } catch {
    // Why it can't be read does not matter here: the mistake names the path, and the owner looks there.
    return false;
  }
}

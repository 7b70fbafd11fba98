// The kinds of value that a variable can have. Each is a zod schema that reads text (environment) or the equivalent
// scalar of a YAML or JSON file, and carries the phrase that error messages and the docs share.
import { accessSync, constants, statSync } from 'node:fs';
import { isUrlWithHost } from './redis-url.js';
import { Secret } from './secret.js';
import { value } from './value.js';

/** A TCP port; 0 asks the system for any free one. */
export function port() {
  return integer({ min: 0, max: 65_535, expected: 'a port number from 0 to 65535', summary: 'port' });
}

export function integer({
  min = Number.MIN_SAFE_INTEGER,
  max = Number.MAX_SAFE_INTEGER,
  unit,
  expected = `a whole number${range(min, max)}`,
  summary = expected.replace(/^a whole /, ''),
}: {
  min?: number;
  max?: number;
  unit?: string;
  expected?: string;
  summary?: string;
} = {}) {
  return value({ expected, summary, ...(unit === undefined ? {} : { unit }) }, (text) => {
    const number = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
    return number >= min && number <= max ? number : undefined;
  });
}

/**
 * A time in seconds, fractions allowed. The default limit is the longest that a Node timer can wait: setTimeout fires
 * at once for anything over 2^31-1 ms, which would turn "never" into "always".
 */
export function durationSeconds({ min = 0, max = 2_147_483 }: { min?: number; max?: number } = {}) {
  const meta = {
    expected: `a number of seconds from ${min} to ${max}`,
    summary: `number from ${min} to ${max}`,
    unit: 'seconds',
  };
  return value(meta, (text) => {
    const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    return seconds >= min && seconds <= max ? seconds : undefined;
  });
}

/** A switch. */
export function flag() {
  return value({ expected: 'on or off (true or false, yes or no, 1 or 0)', summary: 'on, off' }, (text) => {
    const word = text.toLowerCase();
    if (['on', 'true', 'yes', '1'].includes(word)) return true;
    if (['off', 'false', 'no', '0'].includes(word)) return false;
    return undefined;
  });
}

/** One word of a closed set, case-sensitive. */
export function oneOf<const Word extends string>(words: readonly Word[]) {
  const list = words.join(', ');
  return value({ expected: `one of ${list}`, summary: list }, (text) => words.find((word) => word === text));
}

/** Any text that isn't blank; `pattern` and `expected` narrow it together. */
export function text({
  pattern,
  expected = 'a text',
  summary = expected.replace(/^(an?|the) /, ''),
  hint,
}: {
  pattern?: RegExp;
  expected?: string;
  summary?: string;
  hint?: (text: string) => string | undefined;
} = {}) {
  return value({ expected, summary, ...(hint === undefined ? {} : { hint }) }, (given) =>
    given === '' || pattern?.test(given) === false ? undefined : given,
  );
}

export function hostName() {
  return text({
    pattern: /^[A-Za-z0-9._:-]+$/,
    expected: 'a host name or an IP address',
    summary: 'host name or IP address',
    hint: hostHint,
  });
}

/** Compose makes TELEMETRY_HOST and STREAMING_HOST from DOMAIN, which is then what the user wrote. */
function hostHint(text: string): string | undefined {
  const [, scheme] = /^([a-z][a-z0-9+.-]*:\/\/)/i.exec(text) ?? [];
  const part = scheme ?? /[/?#].*$/.exec(text)?.[0];
  return part === undefined ? undefined : `remove "${part}" (with Docker Compose: in DOMAIN)`;
}

/** An address to listen on. Whether this machine has it is known only when listening. */
export function listenAddress() {
  return text({ expected: 'an address of this machine' });
}

/** Texts separated by commas; blanks around the commas and empty items are ignored. */
export function commaList() {
  return value({ expected: 'a list separated by commas', summary: 'comma-separated list' }, (text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  );
}

/** Record topics. A topic is part of metric labels and log lines, so it is a plain word. */
export function topicList() {
  return commaList().refine((names) => names.every((name) => /^[\w.-]{1,64}$/.test(name)), {
    message: 'expected topics of letters, digits, dot, dash or underscore, separated by commas',
  });
}

/**
 * The path of a file, unchanged. `mustExist` rejects a file that can't be read; with `orPattern` it accepts a path in
 * which one folder is `*`: paths of server certificates may have one, and the file that they mean changes.
 */
export function filePath({ mustExist = false, orPattern = false } = {}) {
  const expected = mustExist ? 'the path of a file that can be read' : 'the path of a file';
  const meta = { expected, summary: mustExist ? 'path of a readable file' : 'path', hint: folderHint };
  return value(meta, (text) => {
    if (text === '') return undefined;
    const isChecked = mustExist && !(orPattern && text.includes('/*/'));
    return !isChecked || isReadableFile(text) ? text : undefined;
  });
}

/** A URL with a host, unchanged. Protocols are named with or without their colon. */
export function url({ protocols }: { protocols: readonly string[] }) {
  const schemes = protocols.map((protocol) => protocol.replace(/:$/, ''));
  const prefixes = schemes.map((scheme) => `${scheme}://`).join(' or ');
  return value({ expected: `a URL that starts with ${prefixes}`, summary: `URL (${prefixes})` }, (text) =>
    // URL alone would accept "https:host" without its slashes.
    schemes.some((scheme) => text.toLowerCase().startsWith(`${scheme}://`)) && isUrlWithHost(text) ? text : undefined,
  );
}

/** Scheme, host and port of a web server, without a path. Plain HTTP is for this machine only. */
export function origin() {
  const meta = {
    expected: 'an https:// origin such as https://localhost:8085, without a path',
    summary: 'origin (https://host:port)',
    hint: (text: string) => {
      const path = /^https?:\/\/[^/?#]+([/?#].*)$/i.exec(text)?.[1];
      return path === undefined ? undefined : `remove "${path}"`;
    },
  };
  return value(meta, (text) => {
    if (!/^https?:\/\/[^/?#@\s]+\/?$/i.test(text) || !isUrlWithHost(text)) return undefined;
    const { protocol, hostname, origin } = new URL(text);
    return protocol === 'https:' || ['localhost', '127.0.0.1', '[::1]'].includes(hostname) ? origin : undefined;
  });
}

/** A text that is never printed. `X_FILE` may name the file that holds it. */
export function secret() {
  return value({ expected: 'a secret text', summary: 'secret', secret: true, keepBlanks: true }, (given) =>
    given.trim() === '' ? undefined : new Secret(given),
  );
}

function range(min: number, max: number): string {
  const hasMin = min > Number.MIN_SAFE_INTEGER;
  const hasMax = max < Number.MAX_SAFE_INTEGER;
  if (hasMin && hasMax) return ` from ${min} to ${max}`;
  if (hasMin) return `, at least ${min}`;
  return hasMax ? `, at most ${max}` : '';
}

function folderHint(path: string): string | undefined {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory()
    ? 'it is a folder; Docker makes one where the file to mount does not exist: remove it and create the file'
    : undefined;
}

function isReadableFile(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return statSync(path).isFile();
  } catch {
    // The reason is not needed: the error names the path.
    return false;
  }
}

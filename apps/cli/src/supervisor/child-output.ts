// The output of a child: all of it goes to its log file, and warnings and errors also to the terminal, one line each. The
// text on stderr during the first start is held back, because it explains a failed start.
import { createWriteStream, mkdirSync, renameSync, statSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { printable } from '@fleetbridge/service';
import type { ChildOutput } from './supervised-child.js';

const ROTATE_BYTES = 10 * 1024 * 1024;
const MAX_LINE_CHARS = 64 * 1024;
const MAX_SHOWN_CHARS = 400;
const MAX_START_ERROR_LINES = 40;

export interface ChildOutputOptions {
  readonly name: string;
  readonly logDirectory: string;
  readonly print: (line: string) => void;
}

/** Appends to `<logDirectory>/<name>.log`; a file over 10 MB is moved to `<name>.log.1` first. */
export function openChildOutput({ name, logDirectory, print }: ChildOutputOptions): ChildOutput {
  const file = openLogFile(logDirectory, name, print);
  let startErrors: string[] = [];
  let isStarting = true;

  const fromStdout = lineSplitter((line) => {
    const warning = warningLine(line);
    if (warning !== undefined) print(warning);
  });
  const fromStderr = lineSplitter((line) => {
    if (isStarting) startErrors = [...startErrors, printable(line)].slice(-MAX_START_ERROR_LINES);
    else print(clipped(`${name}: ${printable(line)}`));
  });

  return {
    write(chunk, source) {
      file.write(chunk);
      if (source === 'stdout') fromStdout.write(chunk);
      else fromStderr.write(chunk);
    },
    ready() {
      isStarting = false;
      for (const line of startErrors) print(clipped(`${name}: ${line}`));
      startErrors = [];
    },
    startErrors() {
      fromStderr.end();
      return startErrors.join('\n').trim();
    },
  };
}

/** A log line of level warn or above in readable form; undefined for every other line. */
export function warningLine(line: string): string | undefined {
  // The cheap check first: at level debug there is one line per record.
  if (!/"level":"(?:warn|error|fatal)"/.test(line)) return undefined;
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof entry !== 'object' || entry === null) return undefined;
  const { level, time, app, event, err, pid: _pid, ...fields } = entry as Record<string, unknown>;
  const facts = Object.entries(fields).map(([key, value]) => `${key}=${shown(value)}`);
  const cause = typeof err === 'object' && err !== null && 'message' in err ? [String(err.message)] : [];
  const clock = typeof time === 'string' ? localTime(new Date(time)) : '';
  return clipped(printable([clock, String(level).toUpperCase(), app, event, ...facts, ...cause].join(' ').trim()));
}

/** hh:mm:ss in the local time zone. */
export function localTime(date: Date): string {
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
}

function openLogFile(directory: string, name: string, print: (line: string) => void): WriteStream {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, `${name}.log`);
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size > ROTATE_BYTES) renameSync(path, `${path}.1`);
  const file = createWriteStream(path, { flags: 'a', mode: 0o600 });
  // A full disk must not end the supervisor, which reports it.
  file.on('error', (error) => print(`${path}: ${error.message}; the log of ${name} is lost`));
  return file;
}

function lineSplitter(onLine: (line: string) => void): { write(chunk: Buffer): void; end(): void } {
  const decoder = new TextDecoder();
  let rest = '';
  return {
    write(chunk) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      // The file has the whole line; only the check for warnings ignores the rest.
      rest = (lines.pop() ?? '').slice(0, MAX_LINE_CHARS);
      for (const line of lines) onLine(line);
    },
    end() {
      if (rest !== '') onLine(rest);
      rest = '';
    },
  };
}

function shown(value: unknown): string {
  return typeof value === 'string' && /^[\w:./@+-]+$/.test(value) ? value : JSON.stringify(value);
}

function clipped(line: string): string {
  return line.length <= MAX_SHOWN_CHARS ? line : `${line.slice(0, MAX_SHOWN_CHARS - 1)}…`;
}

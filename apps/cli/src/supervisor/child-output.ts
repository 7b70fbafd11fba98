// What a child prints: all of it into its log file; warnings and errors also to the terminal, one line each. What it says
// on stderr during its first start is kept back, because it is the explanation if that start fails.
import { createWriteStream, mkdirSync, renameSync, statSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import type { ChildOutput } from './supervised-child.js';

const ROTATE_BYTES = 10 * 1024 * 1024;
const MAX_LINE_CHARS = 64 * 1024;
const MAX_SHOWN_CHARS = 400;
const MAX_COMPLAINT_LINES = 40;

export interface ChildOutputOptions {
  readonly name: string;
  readonly logDirectory: string;
  readonly say: (line: string) => void;
}

/** Appends to `<logDirectory>/<name>.log`; a file over 10 MB is moved to `<name>.log.1` first. */
export function openChildOutput({ name, logDirectory, say }: ChildOutputOptions): ChildOutput {
  const file = openLogFile(logDirectory, name, say);
  let complaint: string[] = [];
  let isStarting = true;

  const fromStdout = lineSplitter((line) => {
    const warning = warningLine(line);
    if (warning !== undefined) say(warning);
  });
  const fromStderr = lineSplitter((line) => {
    if (isStarting) complaint = [...complaint, printable(line)].slice(-MAX_COMPLAINT_LINES);
    else say(clipped(`${name}: ${printable(line)}`));
  });

  return {
    write(chunk, source) {
      file.write(chunk);
      if (source === 'stdout') fromStdout.write(chunk);
      else fromStderr.write(chunk);
    },
    ready() {
      isStarting = false;
      for (const line of complaint) say(clipped(`${name}: ${line}`));
      complaint = [];
    },
    complaint() {
      fromStderr.end();
      return complaint.join('\n').trim();
    },
  };
}

/** A log line of level warn or above as a person reads it; anything else is undefined. */
export function warningLine(line: string): string | undefined {
  // Cheap first: at debug there is a line a record.
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

/** hh:mm:ss of this machine's time zone, as on the clock beside it. */
export function localTime(date: Date): string {
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
}

function openLogFile(directory: string, name: string, say: (line: string) => void): WriteStream {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, `${name}.log`);
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size > ROTATE_BYTES) renameSync(path, `${path}.1`);
  const file = createWriteStream(path, { flags: 'a', mode: 0o600 });
  // A full disk must not end the supervisor, which is what could report it.
  file.on('error', (error) => say(`${path}: ${error.message}; the log of ${name} goes nowhere`));
  return file;
}

function lineSplitter(onLine: (line: string) => void): { write(chunk: Buffer): void; end(): void } {
  const decoder = new TextDecoder();
  let rest = '';
  return {
    write(chunk) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      // What is over the limit is still in the file, only not looked at.
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

// Values can come off the wire, and control characters would move the terminal's cursor.
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);
}

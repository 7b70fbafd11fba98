import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@fleetbridge/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openChildOutput, warningLine } from './child-output.js';

let logDirectory: string;
let printed: string[];

beforeEach(() => {
  logDirectory = join(mkdtempSync(join(tmpdir(), 'child-output-')), 'logs');
  printed = [];
});
afterEach(() => rmSync(join(logDirectory, '..'), { recursive: true, force: true }));

const open = () => openChildOutput({ name: 'ingest', logDirectory, print: (line) => printed.push(line) });
const file = () => join(logDirectory, 'ingest.log');
const entry = (level: string, fields: object) =>
  `${JSON.stringify({ level, time: '2026-01-02T03:04:05Z', app: 'ingest', pid: 7, ...fields })}\n`;

describe('warningLine', () => {
  it('returns a line for warnings and errors, and undefined for other levels', () => {
    expect(warningLine(entry('warn', { event: 'redis_unreachable', reason: 'ECONNREFUSED' }))).toMatch(
      /^\d\d:\d\d:05 WARN ingest redis_unreachable reason=ECONNREFUSED$/,
    );
    expect(warningLine(entry('error', { event: 'append_failed', err: { message: 'full' } }))).toMatch(/ full$/);
    expect(warningLine(entry('info', { event: 'vehicle_connected' }))).toBeUndefined();
    expect(warningLine('{"level":"warn"')).toBeUndefined();
  });

  it('escapes control characters, which would move the cursor', () => {
    expect(warningLine(entry('warn', { event: 'x', agent: 'a\u001b[2J\u202eb' }))).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });
});

describe('openChildOutput', () => {
  it('writes everything to a log file that only its owner can read, however the output is chunked', async () => {
    const output = open();
    const lines = entry('info', { event: 'a' }) + entry('warn', { event: 'grüße' });
    for (const byte of Buffer.from(lines)) output.write(Buffer.from([byte]), 'stdout');
    await eventually(() => existsSync(file()) && readFileSync(file(), 'utf8') === lines);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(printed).toEqual([expect.stringContaining('grüße')]);
  });

  it('holds back stderr until the first start has succeeded', () => {
    const output = open();
    output.write(Buffer.from('port 4443 is in use\n'), 'stderr');
    expect(printed).toEqual([]);
    expect(output.startErrors()).toBe('port 4443 is in use');
    output.ready();
    output.write(Buffer.from('later\n'), 'stderr');
    expect(printed).toEqual(['ingest: port 4443 is in use', 'ingest: later']);
  });

  it('starts a new file when the old one is larger than 10 MB', async () => {
    open();
    await eventually(() => existsSync(file()));
    writeFileSync(file(), Buffer.alloc(11 * 1024 * 1024));
    open();
    await eventually(() => existsSync(file()) && statSync(file()).size === 0);
    expect(statSync(`${file()}.1`).size).toBe(11 * 1024 * 1024);
  });
});

import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../test/until.js';
import { openChildOutput, warningLine } from './child-output.js';

let logDirectory: string;
let said: string[];

beforeEach(() => {
  logDirectory = join(mkdtempSync(join(tmpdir(), 'child-output-')), 'logs');
  said = [];
});
afterEach(() => rmSync(join(logDirectory, '..'), { recursive: true, force: true }));

const open = () => openChildOutput({ name: 'ingest', logDirectory, say: (line) => said.push(line) });
const file = () => join(logDirectory, 'ingest.log');
const entry = (level: string, fields: object) =>
  `${JSON.stringify({ level, time: '2026-01-02T03:04:05Z', app: 'ingest', pid: 7, ...fields })}\n`;

describe('warningLine', () => {
  it('is a line for warnings and errors, and nothing for the rest', () => {
    expect(warningLine(entry('warn', { event: 'redis_unreachable', reason: 'ECONNREFUSED' }))).toMatch(
      /^\d\d:\d\d:05 WARN ingest redis_unreachable reason=ECONNREFUSED$/,
    );
    expect(warningLine(entry('error', { event: 'append_failed', err: { message: 'full' } }))).toMatch(/ full$/);
    expect(warningLine(entry('info', { event: 'vehicle_connected' }))).toBeUndefined();
    expect(warningLine('{"level":"warn"')).toBeUndefined();
  });

  it('does not let a value move the cursor', () => {
    expect(warningLine(entry('warn', { event: 'x', agent: 'a\u001b[2J\u202eb' }))).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });
});

describe('the output of a child', () => {
  it('is all in its log file, for its owner only, whatever the cuts between the chunks', async () => {
    const output = open();
    const lines = entry('info', { event: 'a' }) + entry('warn', { event: 'grüße' });
    for (const byte of Buffer.from(lines)) output.write(Buffer.from([byte]), 'stdout');
    await until('it is written', () => existsSync(file()) && readFileSync(file(), 'utf8') === lines);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(said).toEqual([expect.stringContaining('grüße')]);
  });

  it('is kept back on stderr until the first start has succeeded', () => {
    const output = open();
    output.write(Buffer.from('port 4443 is in use\n'), 'stderr');
    expect(said).toEqual([]);
    expect(output.complaint()).toBe('port 4443 is in use');
    output.ready();
    output.write(Buffer.from('later\n'), 'stderr');
    expect(said).toEqual(['ingest: port 4443 is in use', 'ingest: later']);
  });

  it('starts a new file when the old one is over 10 MB', async () => {
    open();
    await until('the folder is there', () => existsSync(file()));
    writeFileSync(file(), Buffer.alloc(11 * 1024 * 1024));
    open();
    await until('a new file', () => existsSync(file()) && statSync(file()).size === 0);
    expect(statSync(`${file()}.1`).size).toBe(11 * 1024 * 1024);
  });
});

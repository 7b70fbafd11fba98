// The log of a process whose stdout is full, not read, or closed. Real child processes on real pipes and files.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const script = fileURLToPath(new URL('./fixtures/chatty.mjs', import.meta.url));
const MORE_THAN_THE_QUEUE = 30_000;

let directory: string;
let started: ChildProcess[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'log-output-'));
});
afterEach(() => {
  for (const child of started) child.kill('SIGKILL');
  started = [];
  rmSync(directory, { recursive: true });
});

describe('a process whose stdout', () => {
  test.skipIf(!existsSync('/dev/full'))('is a full disk keeps running and counts every line', async () => {
    const fd = openSync('/dev/full', 'w');
    const process = start(fd);
    closeSync(fd);
    await process.ask('log 500');
    await process.until('dropped', ({ dropped }) => dropped === 500);
    process.send('exit 3');
    expect(await process.exited).toBe(3);
  });

  test('is a pipe that is not read keeps running, drops what exceeds its queue, and can exit', async () => {
    const process = start('pipe');
    await process.ask(`log ${MORE_THAN_THE_QUEUE}`);
    await process.ask('child');
    await process.ask('log 1');
    const { dropped } = await process.ask('dropped');
    expect(dropped).toBeGreaterThan(MORE_THAN_THE_QUEUE / 4);
    expect(dropped).toBeLessThan(MORE_THAN_THE_QUEUE);
    process.send('exit 3');
    expect(await process.exited).toBe(3);
  });

  test('is a pipe that is read again continues with whole lines and logs how many are missing', async () => {
    const process = start('pipe');
    await process.ask(`log ${MORE_THAN_THE_QUEUE}`);
    const { dropped } = await process.ask('dropped');
    const lines = process.read();
    await eventually(() => lines.some(({ event }) => event === 'log_lines_dropped'));
    await process.ask('log 1');
    await eventually(() => lines.at(-1)?.n === MORE_THAN_THE_QUEUE + 1);
    const [missing] = lines.filter(({ event }) => event === 'log_lines_dropped');
    expect(missing).toMatchObject({ level: 'warn', lines: dropped, reason: 'queue_full' });
    const numbers = lines.flatMap(({ n }) => (n === undefined ? [] : [n]));
    expect(numbers).toHaveLength(MORE_THAN_THE_QUEUE + 1 - Number(dropped));
    expect(numbers).toEqual(numbers.toSorted((a, b) => Number(a) - Number(b)));
  });

  test('is a closed pipe keeps running and counts every line', async () => {
    const process = start('pipe');
    process.child.stdout!.destroy();
    await process.until('log 1', () => false, { once: true });
    await process.until('dropped', ({ dropped }) => Number(dropped) >= 1);
    const before = await process.ask('dropped');
    await process.ask('log 100');
    await process.until('dropped', ({ dropped }) => dropped === Number(before.dropped) + 100);
    process.send('exit 3');
    expect(await process.exited).toBe(3);
  });

  test('is closed from the start keeps running', () => {
    const command = 'exec "$0" "$1" >&-';
    const { status, stderr } = spawnSync('sh', ['-c', command, process.execPath, script], {
      input: 'log 10\nlog 10\nexit 3\n',
      encoding: 'utf8',
    });
    expect(status).toBe(3);
    expect(stderr).toContain('"logged":20');
  });

  test.each(['file', 'pipe'])(
    'is a %s has every line, the last one included, when the process crashes',
    async (kind) => {
      const file = join(directory, 'log');
      const fd = openSync(file, 'w');
      const process = start(kind === 'file' ? fd : 'pipe', { LENGTH: '20000' });
      const lines = kind === 'file' ? undefined : process.read();
      process.send('log 50');
      process.send('crash');
      expect(await process.exited).toBe(1);
      const entries = lines ?? parsed(readFileSync(file, 'utf8'));
      closeSync(fd);
      await eventually(() => entries.length === 51);
      expect(entries.map(({ n }) => Number(n)).sort((a, b) => a - b)).toEqual(
        Array.from({ length: 51 }, (_, n) => n + 1),
      );
    },
  );

  test('is a pipe that is read late loses no line of the queue', async () => {
    const process = start('pipe', { LENGTH: '3000' });
    await process.ask('log 100');
    const lines = process.read();
    await eventually(() => lines.length === 100);
    expect(lines.map(({ n }) => n)).toEqual(Array.from({ length: 100 }, (_, n) => n + 1));
  });
});

function start(stdout: 'pipe' | number, env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [script], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['pipe', stdout, 'pipe'],
  });
  started.push(child);
  child.stdin!.on('error', () => {});
  const answers: Record<string, unknown>[] = [];
  createInterface({ input: child.stderr! }).on('line', (line) => void answers.push(JSON.parse(line)));
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  const send = (command: string) => child.stdin!.write(`${command}\n`);
  const ask = async (command: string) => {
    const before = answers.length;
    send(command);
    await eventually(() => answers.length > before || child.exitCode !== null);
    const answer = answers[before];
    if (answer === undefined) throw new Error(`the process exited with ${child.exitCode}`);
    return answer;
  };
  return {
    child,
    // A pipe that is not read would keep 'close' from being emitted.
    exited: Promise.race([exited, new Promise<number | null>((resolve) => child.once('exit', resolve))]),
    send,
    ask,
    async until(command: string, holds: (answer: Record<string, unknown>) => boolean, { once = false } = {}) {
      let answer = await ask(command);
      while (!holds(answer) && !once) answer = await ask(command);
    },
    /** Reads stdout from now on. */
    read() {
      const lines: Record<string, unknown>[] = [];
      createInterface({ input: child.stdout! }).on('line', (line) => void lines.push(JSON.parse(line)));
      return lines;
    },
  };
}

function parsed(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

async function eventually(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('timed out waiting for the condition');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

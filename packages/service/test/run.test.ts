// The life cycle of a process: real child processes, real signals. The fixtures import the built package, as apps do.
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const appScript = fileURLToPath(new URL('./fixtures/app.mjs', import.meta.url));
const supervisorScript = fileURLToPath(new URL('./fixtures/supervisor.mjs', import.meta.url));

let directory: string;
let started: ChildProcess[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'service-run-'));
});
afterEach(() => {
  for (const child of started) child.kill('SIGKILL');
  started = [];
  rmSync(directory, { recursive: true });
});

describe('a stop', () => {
  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'by %s stops the parts in reverse order and exits with 0',
    async (signal) => {
      const app = startApp('orderly');
      await app.event('fixture_ready');
      app.child.kill(signal);
      expect(await app.exited).toBe(0);
      expect(life()).toEqual(['server stopped', 'log stopped']);
      expect(app.entries()).toMatchObject([
        { event: 'fixture_ready', ports: { main: expect.any(Number) } },
        { event: 'fixture_stopping', reason: signal },
        { event: 'fixture_stopped', outcome: 'stopped' },
      ]);
    },
  );

  test('is interrupted by a second signal, with exit code 1', async () => {
    const app = startApp('hangs');
    await app.event('fixture_ready');
    app.child.kill('SIGTERM');
    await until(() => life().includes('server stopping'));
    app.child.kill('SIGINT');
    expect(await app.exited).toBe(1);
    expect(life()).toEqual(['server stopping']);
    expect(app.entries().at(-1)).toMatchObject({ event: 'fixture_stop_interrupted', reason: 'second_signal' });
  });

  test('is interrupted by the same signal again, unless both come from one key press', async () => {
    const app = startApp('hangs');
    await app.event('fixture_ready');
    app.child.kill('SIGINT');
    await until(() => life().includes('server stopping'));
    // Repeated until one is accepted: within 100 ms all count as one key press. The pause exceeds the time that the exit
    // takes: during its last moments a signal ends the process without the exit code.
    const repeat = setInterval(() => app.child.kill('SIGINT'), 60);
    const code = await app.exited.finally(() => clearInterval(repeat));
    expect(code).toBe(1);
    const [stopping, cut] = app.entries().slice(-2);
    expect(cut).toMatchObject({ event: 'fixture_stop_interrupted' });
    expect(Date.parse(String(cut?.time)) - Date.parse(String(stopping?.time))).toBeGreaterThanOrEqual(95);
  });

  test('does not follow from SIGHUP when the app reloads on it', async () => {
    const app = startApp('reloads');
    await app.event('fixture_ready');
    app.child.kill('SIGHUP');
    await until(() => life().includes('reloaded'));
    app.child.kill('SIGTERM');
    expect(await app.exited).toBe(0);
    expect(app.entries()).toContainEqual(expect.objectContaining({ event: 'fixture_stopping', reason: 'SIGTERM' }));
  });

  test('that exceeds its deadline exits with 1 and names the part', async () => {
    const app = startApp('hangs', { SHUTDOWN_SECONDS: '0.05' });
    await app.event('fixture_ready');
    app.child.kill('SIGTERM');
    expect(await app.exited).toBe(1);
    expect(app.entries()).toContainEqual(
      expect.objectContaining({ event: 'shutdown_deadline_passed', part: 'server', deadline_ms: 50 }),
    );
  });

  test('in which a part fails exits with 1', async () => {
    const app = startApp('stop_fails');
    await app.event('fixture_ready');
    app.child.kill('SIGTERM');
    expect(await app.exited).toBe(1);
    expect(app.entries()).toContainEqual(expect.objectContaining({ event: 'stop_failed', part: 'server' }));
  });

  test('during the start aborts the start and stops the parts that run', async () => {
    const app = startApp('slow_start');
    await until(() => life().includes('start waits'));
    app.child.kill('SIGTERM');
    expect(await app.exited).toBe(0);
    expect(life().sort()).toEqual(['log stopped', 'start aborted', 'start waits']);
    expect(app.stderr()).toBe('');
  });

  test('happens when there is nothing left to do', async () => {
    const app = startApp('finishes');
    expect(await app.exited).toBe(0);
    expect(life()).toEqual(['log stopped']);
  });
});

describe('a supervisor', () => {
  test('is notified when the app is ready, and stops the app by disconnecting', async () => {
    const app = startApp('orderly', {}, { ipc: true });
    const message = await new Promise((resolve) => app.child.once('message', resolve));
    expect(message).toEqual({ type: 'ready', name: 'fixture', ports: { main: expect.any(Number) } });
    app.child.disconnect();
    expect(await app.exited).toBe(0);
    expect(life()).toEqual(['server stopped', 'log stopped']);
    expect(app.entries()).toContainEqual(
      expect.objectContaining({ event: 'fixture_stopping', reason: 'supervisor_gone' }),
    );
  });

  test('that is killed makes the app stop in order, although its pipes are not read any more', async () => {
    const supervisor = startScript(supervisorScript, 'orderly');
    await supervisor.entry(({ type }) => type === 'ready');
    supervisor.child.kill('SIGKILL');
    await supervisor.exited;
    expect(life()).toEqual(['server stopped', 'log stopped']);
  });

  test('that disconnects before the app listens prevents its start', async () => {
    const app = startApp('orderly', { FIXTURE_LATE: 'on' }, { ipc: true });
    app.child.disconnect();
    expect(await app.exited).toBe(0);
    expect(app.entries().map(({ event }) => event)).toEqual(['fixture_stopping', 'fixture_stopped']);
  });

  test('of a cluster and its workers stop once when a terminal signals all of them', async () => {
    const primary = startApp('orderly', { FIXTURE_CLUSTER: 'on' });
    const { pid } = await primary.entry(({ event }) => event === 'fixture_ready');
    // The worker gets the terminal's signals first, and then the primary's SIGTERM.
    for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.kill(Number(pid), signal);
    await until(() => life().includes('log stopped'));
    primary.child.kill('SIGKILL');
    await primary.exited;
    expect(primary.entries().map(({ event, reason }) => [event, reason])).toContainEqual([
      'fixture_stopping',
      'SIGINT',
    ]);
    // messages over IPC can arrive after lines of the log
    const events = primary.entries().filter(({ event }) => event !== undefined);
    expect(events.at(-1)).toMatchObject({ event: 'fixture_stopped', outcome: 'stopped' });
  });

  test('of a cluster that is killed makes its workers stop in order too', async () => {
    const primary = startApp('orderly', { FIXTURE_CLUSTER: 'on' });
    await primary.entry(({ type }) => type === 'ready');
    primary.child.kill('SIGKILL');
    await primary.exited;
    expect(life()).toEqual(['server stopped', 'log stopped']);
    expect(primary.entries().at(-1)).toMatchObject({ event: 'fixture_stopped', outcome: 'stopped' });
  });
});

describe('a start that fails', () => {
  test('because of the configuration prints every mistake and exits with 2', async () => {
    const app = startApp('orderly', { FIXTURE_PORT: 'banana', FIXTURE_COUNT: '0' });
    expect(await app.exited).toBe(2);
    expect(app.stderr()).toBe(
      [
        'The configuration has 2 mistakes:',
        '  FIXTURE_PORT: expected a port number from 0 to 65535, got "banana" (environment)',
        '  FIXTURE_COUNT: expected a whole number, at least 1, got "0" (environment)',
        '',
      ].join('\n'),
    );
    expect(app.entries()).toEqual([]);
  });

  test('for another reason prints it with its cause, stops the parts that run and exits with 1', async () => {
    const app = startApp('start_fails');
    expect(await app.exited).toBe(1);
    expect(app.stderr()).toBe('fixture could not start: no log: connection refused\n');
    expect(life()).toEqual(['log stopped']);
  });

  test('shows the stack when the level is debug', async () => {
    const app = startApp('start_fails', { LOG_LEVEL: 'debug' });
    expect(await app.exited).toBe(1);
    expect(app.stderr()).toMatch(/\n {4}at .*app\.mjs/);
  });

  test('because it waits for an event that cannot occur exits with 1', async () => {
    const app = startApp('start_drains');
    expect(await app.exited).toBe(1);
    expect(app.entries().at(-1)).toMatchObject({ level: 'fatal', event: 'unhandled_error' });
  });
});

test.each(['unhandled_rejection', 'uncaught_exception'])(
  'an %s is logged as fatal and exits with 1 at once',
  async (scenario) => {
    const app = startApp(scenario);
    expect(await app.exited).toBe(1);
    expect(app.entries().at(-1)).toMatchObject({
      level: 'fatal',
      event: 'unhandled_error',
      err: { message: 'forgotten', stack: expect.stringContaining('app.mjs') },
    });
  },
);

function startApp(scenario: string, env: Record<string, string> = {}, { ipc = false } = {}) {
  return startScript(appScript, scenario, env, { ipc });
}

function startScript(script: string, scenario: string, env: Record<string, string> = {}, { ipc = false } = {}) {
  const options = { env: { PATH: process.env.PATH, SCENARIO: scenario, LIFE_FILE: lifeFile(), ...env } };
  const child = ipc
    ? fork(script, { ...options, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    : spawn(process.execPath, [script], { ...options, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
  started.push(child);
  const output = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  // The pipes end when all output has been read, including that of processes that the child left behind, which hold the
  // other ends. (The event 'close' would do, but is not emitted after a disconnect.)
  const exited = Promise.all([
    new Promise<number | null>((resolve) => child.once('exit', resolve)),
    ...child.stdio.filter((pipe) => pipe instanceof Readable).map((pipe) => finished(pipe, { writable: false })),
  ]).then(([code]) => code);
  // Pipe number 3 is only held open.
  (child.stdio[3] as Readable | undefined)?.resume();
  const entries = (): Record<string, unknown>[] =>
    output.stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  const entry = async (matches: (entry: Record<string, unknown>) => boolean) => {
    await until(() => entries().some(matches) || child.exitCode !== null);
    const found = entries().find(matches);
    if (found === undefined) throw new Error(`the process exited without the entry: ${output.stdout}${output.stderr}`);
    return found;
  };
  return {
    child,
    exited,
    entries,
    entry,
    stderr: () => output.stderr,
    event: (name: string) => entry(({ event }) => event === name),
  };
}

function lifeFile(): string {
  return join(directory, 'life');
}

function life(): string[] {
  return existsSync(lifeFile()) ? readFileSync(lifeFile(), 'utf8').trimEnd().split('\n') : [];
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('timed out waiting for the condition');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

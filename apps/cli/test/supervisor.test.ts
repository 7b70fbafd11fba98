import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openChildOutput } from '../src/supervisor/child-output.js';
import type { ChildSpec } from '../src/supervisor/supervised-child.js';
import { Supervisor, type SupervisorOptions, standardBackoffMs } from '../src/supervisor/supervisor.js';
import { isAlive, until } from './until.js';

const fixture = (name: string) => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));

let directory: string;
let journal: string;
let said: string[];
let supervisors: Supervisor[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'supervisor-'));
  journal = join(directory, 'journal');
  said = [];
  supervisors = [];
});

afterEach(async () => {
  for (const supervisor of supervisors) {
    supervisor.kill();
    await supervisor.stop();
  }
  rmSync(directory, { recursive: true, force: true });
});

function createSupervisor(options: Partial<SupervisorOptions> = {}): Supervisor {
  const say = (line: string) => said.push(line);
  const supervisor = new Supervisor({
    stopOrder: [],
    shutdownSeconds: 10,
    say,
    openOutput: (name) => openChildOutput({ name, logDirectory: directory, say }),
    backoffMs: () => 1,
    ...options,
  });
  supervisors.push(supervisor);
  return supervisor;
}

function child(name: string, mode = 'ready', readySeconds = 20): ChildSpec {
  return { name, args: [fixture('child.mjs'), name, journal, mode], env: process.env, readySeconds };
}

/** "first started", "first sigterm" … in the order in which it happened. */
function events(kind?: string): string[] {
  const lines = existsSync(journal) ? readFileSync(journal, 'utf8').trim().split('\n') : [];
  return lines.map((line) => line.replace(/ \d+$/, '')).filter((line) => kind === undefined || line.endsWith(kind));
}

function pidOf(event: string): number {
  const line = readFileSync(journal, 'utf8')
    .split('\n')
    .findLast((text) => text.startsWith(`${event} `));
  return Number(line?.split(' ').at(-1));
}

describe('start', () => {
  it('starts a child only when the one before is ready, and knows its ports', async () => {
    const supervisor = createSupervisor();
    const first = await supervisor.start(child('first'));
    await supervisor.start(child('second'));
    expect(events()).toEqual(['first started', 'second started']);
    expect(first.ports).toEqual({ main: 4443 });
  });

  it('fails with what the child said when its first start ends with exit code 1, and does not try again', async () => {
    const supervisor = createSupervisor();
    await expect(supervisor.start(child('ingest', 'port-in-use'))).rejects.toMatchObject({
      name: 'ChildStartError',
      exitCode: 1,
      message: 'ingest could not start: port 4443 is in use; choose another with X_PORT',
    });
    expect(events('started')).toEqual(['ingest started']);
  });

  it('passes exit code 2 of a bad configuration on, with all of its lines', async () => {
    const supervisor = createSupervisor();
    await expect(supervisor.start(child('ingest', 'bad-configuration'))).rejects.toMatchObject({
      exitCode: 2,
      message: 'The configuration has a mistake:\n  X_PORT: expected a port number',
    });
  });

  it('fails when a child is not ready in time, and leaves no process behind', async () => {
    const supervisor = createSupervisor();
    const starting = supervisor.start(child('slow', 'never-ready', 0.4));
    await expect(starting).rejects.toThrow('slow was not ready within 0.4 s');
    const pid = events().length > 0 ? pidOf('slow started') : undefined;
    expect(pid !== undefined && isAlive(pid)).toBe(false);
  });

  it('puts each child into a process group of its own', async () => {
    const supervisor = createSupervisor();
    const { pid = 0 } = await supervisor.start(child('first'));
    expect(() => process.kill(-pid, 0)).not.toThrow();
  });
});

describe('a child that dies', () => {
  it('is started again, and both is said in one line', async () => {
    const supervisor = createSupervisor();
    await supervisor.start(child('first'));
    process.kill(pidOf('first started'), 'SIGKILL');
    await until('it runs again', () => said.includes('first runs again'));
    expect(said).toEqual(['first was ended by SIGKILL; starting it again in 0.001 s', 'first runs again']);
    expect(events('started')).toEqual(['first started', 'first started']);
  });

  it('is started anew only after what it had started has ended', async () => {
    const supervisor = createSupervisor();
    await supervisor.start(child('first', 'grandchild'));
    const grandchild = pidOf('first grandchild');
    process.kill(pidOf('first started'), 'SIGKILL');
    await until('it runs again', () => events('grandchild').length === 2);
    expect(isAlive(grandchild)).toBe(false);
  });

  it('is not started again once the stop has begun', async () => {
    const supervisor = createSupervisor({ backoffMs: () => 60_000 });
    await supervisor.start(child('first'));
    process.kill(pidOf('first started'), 'SIGKILL');
    await until('the death is noticed', () => said.length > 0);
    await supervisor.stop();
    expect(events('started')).toHaveLength(1);
  });
});

it('waits 0.5, 1, 2, 4, 8 and then 10 seconds', () => {
  expect([0, 1, 2, 3, 4, 5, 6, 60].map(standardBackoffMs)).toEqual([
    500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000,
  ]);
});

describe('stop', () => {
  it('stops in the order that is asked for, one after the other', async () => {
    const supervisor = createSupervisor({ stopOrder: ['b', 'a', 'c'] });
    for (const name of ['a', 'b', 'c', 'd', 'e']) await supervisor.start(child(name));
    await supervisor.stop();
    expect(events('sigterm')).toEqual(['b', 'a', 'c', 'e', 'd'].map((name) => `${name} sigterm`));
  });

  it('kills a child and its group when it does not stop in time, and says so', async () => {
    const supervisor = createSupervisor({ shutdownSeconds: 0 });
    await supervisor.start(child('first', 'stubborn'));
    await supervisor.stop();
    expect(said).toEqual(['first did not stop within 0 s; killed']);
    expect(isAlive(pidOf('first started'))).toBe(false);
  });

  it('leaves nothing of a group behind when the child forgot what it had started', async () => {
    const supervisor = createSupervisor();
    await supervisor.start(child('first', 'grandchild'));
    await supervisor.stop();
    await until('the grandchild has ended', () => !isAlive(pidOf('first grandchild')));
  });

  it('can be called twice, and nothing starts after it', async () => {
    const supervisor = createSupervisor();
    await supervisor.start(child('first'));
    await Promise.all([supervisor.stop(), supervisor.stop()]);
    expect(events('sigterm')).toHaveLength(1);
    await expect(supervisor.start(child('second'))).rejects.toThrow('being stopped');
  });

  it('ends a start that is under way', async () => {
    const supervisor = createSupervisor();
    const starting = supervisor.start(child('first', 'never-ready'));
    await until('it has started', () => events().length > 0);
    await Promise.all([expect(starting).rejects.toThrow(), supervisor.stop()]);
    expect(isAlive(pidOf('first started'))).toBe(false);
  });

  it('kill ends all of them at once', async () => {
    const supervisor = createSupervisor();
    for (const name of ['a', 'b']) await supervisor.start(child(name, 'stubborn'));
    supervisor.kill();
    await until('both are gone', () => !isAlive(pidOf('a started')) && !isAlive(pidOf('b started')));
    await supervisor.stop();
  });
});

it('children end by themselves when the supervisor is killed', async () => {
  const supervisor = spawn(process.execPath, [fixture('supervise.mjs'), journal], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(supervisor.stdout, 'data');
  supervisor.kill('SIGKILL');
  await until('both have ended', () => events('disconnected').length === 2);
  await until('both are gone', () => !isAlive(pidOf('first started')) && !isAlive(pidOf('second started')));
});

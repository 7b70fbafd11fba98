import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually, freePort } from '@fleetbridge/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openChildOutput } from '../src/supervisor/child-output.js';
import type { ChildSpec } from '../src/supervisor/supervised-child.js';
import { Supervisor, type SupervisorOptions, standardBackoffMs } from '../src/supervisor/supervisor.js';
import { isAlive } from './is-alive.js';

const fixture = (name: string) => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));

let directory: string;
let journal: string;
let printed: string[];
let supervisors: Supervisor[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'supervisor-'));
  journal = join(directory, 'journal');
  printed = [];
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
  const print = (line: string) => printed.push(line);
  const supervisor = new Supervisor({
    stopOrder: [],
    shutdownSeconds: 10,
    print,
    openOutput: (name) => openChildOutput({ name, logDirectory: directory, print }),
    backoffMs: () => 1,
    ...options,
  });
  supervisors.push(supervisor);
  return supervisor;
}

function child(name: string, mode = 'ready', readySeconds = 20): ChildSpec {
  return { name, args: [fixture('child.mjs'), name, journal, mode], env: process.env, readySeconds };
}

/** "first started", "first sigterm" … in order. */
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
  it('starts a child only when the previous one is ready, and records its ports', async () => {
    const supervisor = createSupervisor();
    const first = await supervisor.start(child('first'));
    await supervisor.start(child('second'));
    expect(events()).toEqual(['first started', 'second started']);
    expect(first.ports).toEqual({ main: 4443 });
  });

  it('fails with the stderr of the child when its first start exits with code 1, and does not retry', async () => {
    const supervisor = createSupervisor();
    await expect(supervisor.start(child('ingest', 'port-in-use'))).rejects.toMatchObject({
      name: 'ChildStartError',
      exitCode: 1,
      message: 'ingest could not start: port 4443 is in use; choose another with X_PORT',
    });
    expect(events('started')).toEqual(['ingest started']);
  });

  it('passes on exit code 2 of a bad configuration, with all lines of stderr', async () => {
    const supervisor = createSupervisor();
    await expect(supervisor.start(child('ingest', 'bad-configuration'))).rejects.toMatchObject({
      exitCode: 2,
      message: 'The configuration has a mistake:\n  X_PORT: expected a port number',
    });
  });

  it('fails when a child is not ready in time, and kills it', async () => {
    const supervisor = createSupervisor();
    const starting = supervisor.start(child('slow', 'never-ready', 0.4));
    await expect(starting).rejects.toThrow('slow was not ready within 0.4 s');
    const pid = events().length > 0 ? pidOf('slow started') : undefined;
    expect(pid !== undefined && isAlive(pid)).toBe(false);
  });

  it('puts each child into its own process group', async () => {
    const supervisor = createSupervisor();
    const { pid = 0 } = await supervisor.start(child('first'));
    expect(() => process.kill(-pid, 0)).not.toThrow();
  });
});

describe('a child that exits', () => {
  it('is restarted, and the exit and the restart are printed', async () => {
    const supervisor = createSupervisor();
    await supervisor.start(child('first'));
    process.kill(pidOf('first started'), 'SIGKILL');
    await eventually(() => printed.includes('first restarted'));
    expect(printed).toEqual(['first was killed by SIGKILL; restarting in 0.001 s', 'first restarted']);
    expect(events('started')).toEqual(['first started', 'first started']);
  });

  it('is restarted only after its own children have exited', async () => {
    const supervisor = createSupervisor();
    await supervisor.start(child('first', 'grandchild'));
    const grandchild = pidOf('first grandchild');
    process.kill(pidOf('first started'), 'SIGKILL');
    await eventually(() => events('grandchild').length === 2);
    expect(isAlive(grandchild)).toBe(false);
  });

  it('is not restarted once the supervisor is stopping', async () => {
    const supervisor = createSupervisor({ backoffMs: () => 60_000 });
    await supervisor.start(child('first'));
    process.kill(pidOf('first started'), 'SIGKILL');
    await eventually(() => printed.length > 0);
    await supervisor.stop();
    expect(events('started')).toHaveLength(1);
  });
});

describe('a port that the supervisor binds for a child', () => {
  it('refuses no connection while the child is killed and restarted, and is closed by a stop', async () => {
    const port = await freePort();
    const supervisor = createSupervisor({ backoffMs: () => 200 });
    const spec = { ...child('first'), args: [fixture('listening-child.mjs')] };
    const { ports, pid } = await supervisor.start({ ...spec, ports: [{ name: 'main', host: undefined, port }] });
    expect(ports).toEqual({ main: port, isInherited: 1 });
    const greetings: Promise<string>[] = [];
    const connecting = setInterval(() => greetings.push(greeting(port)), 20);
    await eventually(() => greetings.length > 3);
    process.kill(pid!, 'SIGKILL');
    await eventually(() => printed.includes('first restarted'));
    await eventually(() => greetings.length > 20);
    clearInterval(connecting);
    // '': accepted at the moment of the kill
    const answers = new Set(await Promise.all(greetings));
    answers.delete('');
    expect([...answers].filter((text) => !/^\d+$/.test(text))).toEqual([]);
    expect(answers.size).toBe(2);
    await supervisor.stop();
    expect(await greeting(port)).toBe('ECONNREFUSED');
  });

  it('is served by the next run before the processes of the last one have exited', async () => {
    const port = await freePort();
    const supervisor = createSupervisor({ backoffMs: () => 20 });
    const spec = { ...child('first', 'stubborn-grandchild'), ports: [{ name: 'main', host: undefined, port }] };
    await supervisor.start(spec);
    const grandchild = pidOf('first grandchild');
    process.kill(pidOf('first started'), 'SIGKILL');
    await eventually(() => events('grandchild').length === 2);
    expect(isAlive(grandchild)).toBe(true);
    await supervisor.stop();
    await eventually(() => !isAlive(grandchild));
  });

  it('that another process has is left to the child, which reports it', async () => {
    const other = createServer().listen(0);
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const spec = { ...child('first'), args: [fixture('listening-child.mjs'), String(port)] };
    const starting = createSupervisor().start({ ...spec, ports: [{ name: 'main', host: undefined, port }] });
    await expect(starting).rejects.toThrow('EADDRINUSE');
    other.close();
  });
});

it('backs off for 0.5, 1, 2, 4, 8 and then 10 seconds', () => {
  expect([0, 1, 2, 3, 4, 5, 6, 60].map(standardBackoffMs)).toEqual([
    500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000,
  ]);
});

describe('stop', () => {
  it('stops the children one after another in the given order', async () => {
    const supervisor = createSupervisor({ stopOrder: ['b', 'a', 'c'] });
    for (const name of ['a', 'b', 'c', 'd', 'e']) await supervisor.start(child(name));
    await supervisor.stop();
    expect(events('sigterm')).toEqual(['b', 'a', 'c', 'e', 'd'].map((name) => `${name} sigterm`));
  });

  it('kills a child and its group when it does not stop in time, and prints it', async () => {
    const supervisor = createSupervisor({ shutdownSeconds: 0 });
    await supervisor.start(child('first', 'stubborn'));
    await supervisor.stop();
    expect(printed).toEqual(['first did not stop within 0 s; killed']);
    expect(isAlive(pidOf('first started'))).toBe(false);
  });

  it('kills remaining processes of the group after the child has stopped', async () => {
    const supervisor = createSupervisor();
    await supervisor.start(child('first', 'grandchild'));
    await supervisor.stop();
    await eventually(() => !isAlive(pidOf('first grandchild')));
  });

  it('can be called twice, and no child starts after it', async () => {
    const supervisor = createSupervisor();
    await supervisor.start(child('first'));
    await Promise.all([supervisor.stop(), supervisor.stop()]);
    expect(events('sigterm')).toHaveLength(1);
    await expect(supervisor.start(child('second'))).rejects.toThrow('the supervisor is stopping');
  });

  it('ends a start in progress', async () => {
    const supervisor = createSupervisor();
    const starting = supervisor.start(child('first', 'never-ready'));
    await eventually(() => events().length > 0);
    await Promise.all([expect(starting).rejects.toThrow(), supervisor.stop()]);
    expect(isAlive(pidOf('first started'))).toBe(false);
  });

  it('kills all children at once with kill()', async () => {
    const supervisor = createSupervisor();
    for (const name of ['a', 'b']) await supervisor.start(child(name, 'stubborn'));
    supervisor.kill();
    await eventually(() => !isAlive(pidOf('a started')) && !isAlive(pidOf('b started')));
    await supervisor.stop();
  });
});

it('lets the children exit when the supervisor is killed', async () => {
  const supervisor = spawn(process.execPath, [fixture('supervise.mjs'), journal], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(supervisor.stdout, 'data');
  supervisor.kill('SIGKILL');
  await eventually(() => events('disconnected').length === 2);
  await eventually(() => !isAlive(pidOf('first started')) && !isAlive(pidOf('second started')));
});

/** What the server sends, or the code of the error. */
function greeting(port: number): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    connect(port, '127.0.0.1')
      .on('data', (data) => {
        text += data;
      })
      .on('end', () => resolve(text))
      .on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? String(error)));
  });
}

import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createFakeFork } from '../../test/fake-worker.js';
import { createLogger } from '../log/index.js';
import { WorkerPool, type WorkerPoolOptions } from './worker-pool.js';
import { WorkerStartError } from './worker-start-error.js';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const dispose of cleanup.splice(0).reverse()) await dispose();
});

describe('the start', () => {
  it('starts the other workers once the first one is ready', async () => {
    const { pool, workers } = createPool({ count: 3 });
    const started = pool.start();
    expect(workers).toHaveLength(1);
    workers[0]!.serve();
    await vi.waitFor(() => expect(workers).toHaveLength(3));
    for (const worker of workers) worker.serve();
    expect(await started).toEqual({ vehicles: 4443 });
    expect(pool.ready).toBe(3);
  });

  it('fails with the exit code of a first worker that rejects its configuration', async () => {
    const { pool, workers } = createPool({ count: 2 });
    const failure = pool.start().catch((error) => error);
    workers[0]!.die({ code: 2 });
    const error = await failure;
    expect(error).toBeInstanceOf(WorkerStartError);
    expect(error).toMatchObject({ exitCode: 2 });
    expect(workers).toHaveLength(1);
  });

  it('finishes although another worker dies before it is ready', async () => {
    const { pool, workers } = createPool({ count: 2 });
    const started = pool.start();
    workers[0]!.serve();
    await vi.waitFor(() => expect(workers).toHaveLength(2));
    workers[1]!.die({ code: 1 });
    await vi.waitFor(() => expect(workers).toHaveLength(3));
    workers[2]!.serve();
    await started;
    expect(pool.replaced).toBe(1);
  });

  it('ends with an AbortError when the pool is stopped', async () => {
    const { pool } = createPool({ count: 2 });
    const failure = pool.start().catch((error) => error);
    await pool.stop({ deadlineMs: 1_000 });
    expect(await failure).toMatchObject({ name: 'AbortError' });
  });
});

describe('a worker that dies', () => {
  it('is restarted at once, and after a back-off when it dies again', async () => {
    const { workers, events } = await startPool({ count: 1 });
    workers[0]!.die({ signal: 'SIGKILL' });
    await vi.waitFor(() => expect(workers).toHaveLength(2));
    const diedMs = performance.now();
    workers[1]!.die({ signal: 'SIGKILL' });
    await vi.waitFor(() => expect(workers).toHaveLength(3));
    expect(performance.now() - diedMs).toBeGreaterThan(90);
    expect(events()).toEqual(['worker_died', 'worker_restarted', 'worker_died', 'worker_restarted']);
  });

  it('returns connections that it has not accepted, for another worker', async () => {
    const { pool, workers } = await startPool({ count: 2, readyWhen: 'one' });
    const { handoff, port } = await listenHandoff(pool);
    for (let n = 0; n < 2; n++) await connectClient(port);
    await vi.waitFor(() => expect(workers.map(({ sent }) => sent.length)).toEqual([1, 1]));
    expect(workers[0]!.sent[0]).toMatchObject({ type: 'connection', port: 'clients' });
    workers[1]!.receive({ type: 'accepted', id: 1 });
    workers[0]!.die();
    await vi.waitFor(() => expect(workers[1]!.sent).toHaveLength(2));
    expect(handoff.waiting).toBe(0);
  });
});

describe('a reload', () => {
  it('starts each new worker before it stops the old one, one after the other', async () => {
    const { pool, workers, alive, events } = await startPool({ count: 2 });
    const [first, second] = workers;
    const reloaded = pool.reload();
    expect(workers).toHaveLength(3);
    expect(first!.signals).toEqual([]);
    workers[2]!.serve();
    await vi.waitFor(() => expect(workers).toHaveLength(4));
    expect([first!.signals, second!.signals]).toEqual([['SIGTERM'], []]);
    workers[3]!.serve();
    await reloaded;
    await vi.waitFor(() => expect(alive()).toEqual([workers[2], workers[3]]));
    expect(pool.replaced).toBe(0);
    expect(events()).toEqual(['worker_replaced', 'worker_replaced']);
  });

  it('keeps the old worker when the new one dies before it is ready', async () => {
    const { pool, workers, alive, events } = await startPool({ count: 2 });
    const reloaded = pool.reload();
    workers[2]!.die({ code: 1 });
    await reloaded;
    expect(alive()).toEqual(workers.slice(0, 2));
    expect(events()).toEqual(['reload_failed']);
  });

  it('leaves as many workers as before when one dies before its turn', async () => {
    const { pool, workers, alive } = await startPool({ count: 2 });
    const reloaded = pool.reload();
    workers[1]!.die();
    await vi.waitFor(() => expect(workers).toHaveLength(4));
    for (const worker of workers.slice(2)) worker.serve();
    await reloaded;
    await vi.waitFor(() => expect(workers[0]!.isDead).toBe(true));
    await delay(10);
    expect(alive()).toEqual(workers.slice(2));
    expect(pool.accepting).toBe(2);
  });

  it('leaves as many workers as before when one dies while its successor starts', async () => {
    const { pool, workers, alive } = await startPool({ count: 1 });
    const reloaded = pool.reload();
    workers[0]!.die();
    await delay(10);
    workers[1]!.serve();
    await reloaded;
    await delay(10);
    expect(alive()).toEqual([workers[1]]);
    expect(pool.accepting).toBe(1);
  });
});

describe('a reload with a worker that hangs', () => {
  it('kills the worker that does not accept its connections, and replaces the next one', async () => {
    const { pool, workers, alive } = await startPool({ count: 2 });
    const { port } = await listenHandoff(pool);
    await connectClient(port);
    await vi.waitFor(() => expect(workers[0]!.sent).toHaveLength(1));
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    cleanup.push(() => vi.useRealTimers());
    const reloaded = pool.reload();
    workers[2]!.serve();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(workers[0]!.signals).toEqual(['SIGKILL']);
    vi.useRealTimers();
    await vi.waitFor(() => expect(workers[1]!.sent).toMatchObject([{ type: 'connection', port: 'clients' }]));
    workers[1]!.receive({ type: 'accepted', id: 1 });
    await vi.waitFor(() => expect(workers).toHaveLength(4));
    workers[3]!.serve();
    await reloaded;
    await vi.waitFor(() => expect(alive()).toEqual([workers[2], workers[3]]));
  });
});

describe('the stop', () => {
  it('kills at the deadline what SIGTERM has not ended', async () => {
    const { pool, workers, alive } = await startPool({ count: 2 });
    workers[1]!.ignoresSigterm = true;
    await pool.stop({ deadlineMs: 30 });
    await vi.waitFor(() => expect(alive()).toEqual([]));
    expect(workers.map(({ signals }) => signals)).toEqual([['SIGTERM'], ['SIGTERM', 'SIGKILL']]);
    expect(pool.report().checks.workers).toEqual({ ready: false, reason: 'stopping' });
  });

  it('does not signal a worker again that drains after a reload', async () => {
    const { pool, workers } = await startPool({ count: 1 });
    const [old] = workers;
    old!.ignoresSigterm = true;
    const reloaded = pool.reload();
    workers[1]!.serve();
    await reloaded;
    const stopped = pool.stop({ deadlineMs: 1_000 });
    expect([old!.signals, workers[1]!.signals]).toEqual([['SIGTERM'], ['SIGTERM']]);
    old!.die();
    await stopped;
    expect(old!.signals).toEqual(['SIGTERM']);
  });
});

type Options = Pick<WorkerPoolOptions, 'count'> & Partial<WorkerPoolOptions>;

function createPool(options: Options) {
  const lines: string[] = [];
  const log = createLogger({ name: 'test', format: 'json', destination: { write: (line) => void lines.push(line) } });
  const { workers, fork, alive } = createFakeFork();
  const pool = new WorkerPool({ readyWhen: 'every', log, fork, ...options });
  cleanup.push(() => pool.stop({ deadlineMs: 1_000 }));
  const events = () => lines.map((line) => JSON.parse(line).event);
  return { pool, workers, alive, events };
}

async function startPool(options: Options) {
  const { pool, workers, ...rest } = createPool(options);
  const started = pool.start();
  workers[0]!.serve();
  await vi.waitFor(() => expect(workers).toHaveLength(options.count));
  for (const worker of workers) worker.serve();
  await started;
  return { pool, workers, ...rest };
}

async function listenHandoff(pool: WorkerPool) {
  const handoff = pool.addHandoff('clients', { host: '127.0.0.1', port: 0, variable: 'STREAMING_PORT' });
  cleanup.push(() => handoff.close());
  return { handoff, port: await handoff.listen() };
}

async function connectClient(port: number): Promise<void> {
  const client = connect(port, '127.0.0.1').on('error', () => {});
  cleanup.push(() => client.destroy());
  await once(client, 'connect');
}

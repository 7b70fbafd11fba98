import cluster, { type Worker } from 'node:cluster';
import { EventEmitter } from 'node:events';
import { createLogger } from '@fleetbridge/service';
import { eventually } from '@fleetbridge/testing';
import { afterEach, expect, it, vi } from 'vitest';
import { WorkerPool } from './worker-pool.js';

afterEach(() => {
  vi.restoreAllMocks();
});

it('has as many workers after a reload as before when one dies before its turn', async () => {
  const { pool, workers, alive } = startPool({ count: 2 });
  await pool.start();
  const [first, second] = workers;
  const isPaused = holdReady(workers);
  const reloaded = pool.reload();
  second!.die();
  await eventually(() => workers.length === 4);
  isPaused.release();
  await reloaded;
  await eventually(() => first!.isDead);
  await eventually(() => alive().length === 2);
  expect(pool.open).toBe(2);
});

let isHeld = false;
let held: FakeWorker[] = [];

function holdReady(_: FakeWorker[]) {
  isHeld = true;
  held = [];
  return {
    release: () => {
      isHeld = false;
      for (const worker of held) worker.serve();
    },
  };
}

class FakeWorker extends EventEmitter {
  isDead = false;
  readonly process = { pid: Math.random(), kill: () => this.die() };
  isConnected = () => !this.isDead;
  send = () => true;

  constructor() {
    super();
    setImmediate(() => (isHeld ? held.push(this) : this.serve()));
  }

  serve(): void {
    if (this.isDead) return;
    this.emit('message', { type: 'open' });
    this.emit('message', { type: 'present' });
  }

  die(): void {
    if (this.isDead) return;
    this.isDead = true;
    setImmediate(() => this.emit('exit', 0, 'SIGTERM'));
  }
}

function startPool({ count }: { count: number }) {
  const workers: FakeWorker[] = [];
  vi.spyOn(cluster, 'fork').mockImplementation(() => {
    const worker = new FakeWorker();
    workers.push(worker);
    return worker as unknown as Worker;
  });
  const log = createLogger({ name: 'test', level: 'silent' });
  const pool = new WorkerPool({ count, log, onOpen: () => {} });
  return { pool, workers, alive: () => workers.filter(({ isDead }) => !isDead) };
}

import { expect, test } from 'vitest';
import { createLogger } from '../log/index.js';
import { ShutdownHooks } from './shutdown-hooks.js';

function setUp() {
  const entries: Record<string, unknown>[] = [];
  const log = createLogger({ name: 'app', destination: { write: (line) => void entries.push(JSON.parse(line)) } });
  return { stops: new ShutdownHooks(), order: [] as string[], entries, log };
}

test('parts stop one after the other, in reverse order', async () => {
  const { stops, order, log } = setUp();
  for (const name of ['log', 'server']) {
    stops.add(name, async () => {
      order.push(`${name} begins`);
      await new Promise(setImmediate);
      order.push(`${name} ends`);
    });
  }
  expect(await stops.stopAll({ deadlineMs: 10_000, log })).toBe('stopped');
  expect(order).toEqual(['server begins', 'server ends', 'log begins', 'log ends']);
});

test('a part that fails is logged, and the others are stopped nevertheless', async () => {
  const { stops, order, entries, log } = setUp();
  stops.add('log', () => order.push('log'));
  stops.add('server', () => {
    throw new Error('no');
  });
  stops.add('timer', () => Promise.reject(new Error('no')));
  expect(await stops.stopAll({ deadlineMs: 10_000, log })).toBe('stopped_with_failures');
  expect(order).toEqual(['log']);
  expect(entries.map(({ event, part }) => `${event} ${part}`)).toEqual(['stop_failed timer', 'stop_failed server']);
});

test('a part that is added while stopping is stopped next', async () => {
  const { stops, order, log } = setUp();
  stops.add('log', () => order.push('log'));
  stops.add('server', () => {
    order.push('server');
    stops.add('late', () => order.push('late'));
  });
  await stops.stopAll({ deadlineMs: 10_000, log });
  expect(order).toEqual(['server', 'late', 'log']);
});

test('a part that hangs is abandoned at the deadline and named in the log', async () => {
  const { stops, order, entries, log } = setUp();
  stops.add('log', () => order.push('log'));
  stops.add('server', () => new Promise(() => {}));
  expect(await stops.stopAll({ deadlineMs: 5, log })).toBe('deadline_passed');
  expect(order).toEqual([]);
  expect(entries).toMatchObject([
    { level: 'error', event: 'shutdown_deadline_passed', part: 'server', deadline_ms: 5 },
  ]);
});

test('each part receives the time that is left', async () => {
  const { stops, log } = setUp();
  const left: number[] = [];
  stops.add('log', ({ deadlineMs }) => left.push(deadlineMs));
  stops.add('server', async ({ deadlineMs }) => {
    left.push(deadlineMs);
    await new Promise((resolve) => setTimeout(resolve, 2));
  });
  await stops.stopAll({ deadlineMs: 10_000, log });
  expect(left[0]).toBeLessThanOrEqual(10_000);
  expect(left[1]).toBeLessThan(left[0]!);
});

import { expect, it } from 'vitest';
import { FairQueue } from './fair-queue.js';

it('serves the keys in turn and keeps the order within each key', () => {
  const queue = new FairQueue<string>();
  for (let n = 0; n < 4; n++) queue.add('crowd', `crowd-${n}`);
  queue.add('one', 'one-0');
  queue.add('two', 'two-0');
  queue.add('one', 'one-1');
  const order = Array.from({ length: queue.size }, () => queue.next());
  expect(order).toEqual(['crowd-0', 'one-0', 'two-0', 'crowd-1', 'one-1', 'crowd-2', 'crowd-3']);
  expect([queue.next(), queue.size]).toEqual([undefined, 0]);
});

it('removes single items, and drains all of them', () => {
  const queue = new FairQueue<string>();
  for (const item of ['a', 'b', 'c']) queue.add('x', item);
  queue.remove('x', 'b');
  queue.remove('x', 'never there');
  queue.remove('y', 'a');
  expect(queue.size).toBe(2);
  expect(queue.drain()).toEqual(['a', 'c']);
  expect(queue.next()).toBeUndefined();
});

it('serves the newest item of a key first when asked to', () => {
  const queue = new FairQueue<string>({ isNewestFirst: true });
  for (const item of ['a-0', 'a-1', 'a-2']) queue.add('a', item);
  queue.add('b', 'b-0');
  expect(Array.from({ length: queue.size }, () => queue.next())).toEqual(['a-2', 'b-0', 'a-1', 'a-0']);
});

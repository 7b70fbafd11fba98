import { expect, it } from 'vitest';
import { BoundedMap } from './bounded-map.js';

it('creates values on use and evicts the least recently used key', () => {
  let created = 0;
  const create = () => ++created;
  const map = new BoundedMap<number>({ maxKeys: 2 });
  expect(['a', 'b', 'a', 'c'].map((key) => map.use(key, create))).toEqual([1, 2, 1, 3]);
  expect(map.size).toBe(2);
  expect([map.get('a'), map.get('b'), map.get('c')]).toEqual([1, undefined, 3]);
  map.deleteIf((value, key) => value === 3 && key === 'c');
  expect(map.size).toBe(1);
});

it('counts a set as a use, also of a key that exists', () => {
  const map = new BoundedMap<number>({ maxKeys: 2 });
  map.set('a', 1);
  map.set('b', 2);
  map.set('a', 3);
  map.set('c', 4);
  expect([map.get('a'), map.get('b'), map.get('c'), map.size]).toEqual([3, undefined, 4, 2]);
  map.delete('a');
  expect([map.get('a'), map.size]).toEqual([undefined, 1]);
});

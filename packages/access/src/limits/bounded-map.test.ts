import { expect, it } from 'vitest';
import { BoundedMap } from './bounded-map.js';

it('creates values on use and evicts the least recently used key', () => {
  let created = 0;
  const map = new BoundedMap({ maxKeys: 2, create: () => ++created });
  expect([map.use('a'), map.use('b'), map.use('a'), map.use('c')]).toEqual([1, 2, 1, 3]);
  expect(map.size).toBe(2);
  expect([map.get('a'), map.get('b'), map.get('c')]).toEqual([1, undefined, 3]);
  map.deleteIf((value, key) => value === 3 && key === 'c');
  expect(map.size).toBe(1);
});

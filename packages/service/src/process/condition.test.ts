import { expect, it } from 'vitest';
import { Condition } from './condition.js';

it('resolves at once when it is true already', async () => {
  await new Condition().until(() => true);
});

it('resolves everybody for whom a look finds it true, and nobody else', async () => {
  const turn = new Condition();
  const seen: string[] = [];
  let level = 0;
  const first = turn.until(() => level >= 1).then(() => seen.push('first'));
  const second = turn.until(() => level >= 2).then(() => seen.push('second'));
  level = 1;
  turn.look();
  await first;
  expect(seen).toEqual(['first']);
  level = 2;
  turn.look();
  await second;
  expect(seen).toEqual(['first', 'second']);
});

import { expect, it } from 'vitest';
import { Condition } from './condition.js';

it('resolves at once when the condition already holds', async () => {
  await new Condition().until(() => true);
});

it('resolves exactly the waiters that a check finds true', async () => {
  const condition = new Condition();
  const seen: string[] = [];
  let level = 0;
  const first = condition.until(() => level >= 1).then(() => seen.push('first'));
  const second = condition.until(() => level >= 2).then(() => seen.push('second'));
  level = 1;
  condition.check();
  await first;
  expect(seen).toEqual(['first']);
  level = 2;
  condition.check();
  await second;
  expect(seen).toEqual(['first', 'second']);
});

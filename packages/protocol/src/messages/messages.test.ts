import { expect, it } from 'vitest';
import { timestampOf } from './messages.js';

it('timestampOf is exact to the millisecond before and after 1970', () => {
  expect([timestampOf(1_784_000_000_250), timestampOf(-1)]).toEqual([
    { seconds: 1_784_000_000, nanos: 250_000_000 },
    { seconds: -1, nanos: 999_000_000 },
  ]);
});

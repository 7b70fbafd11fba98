import { expect, it } from 'vitest';
import { OfflineTime } from './offline-time.js';

function open() {
  let nowMs = 0;
  const time = new OfflineTime(() => nowMs);
  return {
    time,
    after: (seconds: number, isSubscribed: boolean, isOnline = false) => {
      nowMs += seconds * 1_000;
      time.update({ isOnline, isSubscribed });
      return time.ms / 1_000;
    },
  };
}

it('counts while the vehicle is offline and subscribed to, and begins again when it was online', () => {
  const { after } = open();
  expect(after(100, true)).toBe(0);
  expect(after(10, true)).toBe(10);
  expect(after(10, false)).toBe(20);
  expect(after(10, false, true)).toBe(0);
  expect(after(100, true, true)).toBe(0);
  expect(after(100, true)).toBe(0);
  expect(after(5, true)).toBe(5);
});

it('counts the 30 s after a connection that was closed at once, but not a night without one', () => {
  const { after } = open();
  after(0, true);
  for (let n = 1; n <= 20; n++) {
    after(0, false);
    expect(after(30, true)).toBe(n * 30);
  }
  after(0, false);
  expect(after(8 * 3_600, true)).toBe(630);
});

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TimeoutError, withTimeout } from './with-timeout.js';

const never = new Promise<never>(() => {});

describe('withTimeout', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('returns the value of a promise that settles in time and clears its timer', async () => {
    await expect(withTimeout(Promise.resolve(7), 100, { message: 'late' })).resolves.toBe(7);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('passes on the error of a promise that rejects in time and clears its timer', async () => {
    const error = new Error('broken');
    await expect(withTimeout(Promise.reject(error), 100, { message: 'late' })).rejects.toBe(error);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('rejects with a TimeoutError when the time is up', async () => {
    const outcome = withTimeout(never, 100, { message: 'no answer within 100 ms' }).catch((error) => error);
    await vi.advanceTimersByTimeAsync(100);
    const error = await outcome;
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ message: 'no answer within 100 ms', timeoutMs: 100 });
  });

  it('returns the value of onTimeout when the time is up', async () => {
    const outcome = withTimeout(never, 100, { onTimeout: () => 'late' as const });
    await vi.advanceTimersByTimeAsync(100);
    await expect(outcome).resolves.toBe('late');
  });

  it('rejects with the error that onTimeout throws', async () => {
    const error = new Error('broken');
    const outcome = withTimeout(never, 100, {
      onTimeout: () => {
        throw error;
      },
    }).catch((thrown) => thrown);
    await vi.advanceTimersByTimeAsync(100);
    expect(await outcome).toBe(error);
  });

  it('ignores a promise that settles after the time is up', async () => {
    let settle: (value: string) => void = () => {};
    const slow = new Promise<string>((resolve) => {
      settle = resolve;
    });
    const outcome = withTimeout(slow, 100, { onTimeout: () => 'late' });
    await vi.advanceTimersByTimeAsync(100);
    settle('value');
    await expect(outcome).resolves.toBe('late');
  });
});

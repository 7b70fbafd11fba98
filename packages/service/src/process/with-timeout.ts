// Limits how long to wait for a promise. The work behind it continues; cancelling it is up to the caller.

export class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
  readonly timeoutMs: number;

  constructor(message: string, { timeoutMs }: { timeoutMs: number }) {
    super(message);
    this.timeoutMs = timeoutMs;
  }
}

/** `message`: rejects with a TimeoutError. `onTimeout`: settles as it does, with its value or the error that it throws. */
export type TimeoutOptions<T> = { message: string } | { onTimeout: () => T };

/** The same outcome as `promise` if it settles within `timeoutMs`. Leaves no timer behind. */
export function withTimeout<T, U = never>(
  promise: PromiseLike<T>,
  timeoutMs: number,
  options: TimeoutOptions<U>,
): Promise<T | U> {
  return new Promise<T | U>((resolve, reject) => {
    const timer = setTimeout(() => {
      if ('message' in options) {
        reject(new TimeoutError(options.message, { timeoutMs }));
        return;
      }
      try {
        resolve(options.onTimeout());
      } catch (error) {
        reject(error);
      }
    }, timeoutMs);
    promise.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

// Waiting for a condition, in place of sleeping.

/** Calls `check` until it doesn't throw and doesn't give false, then returns what it gave; else throws its last failure. */
export async function eventually<T>(check: () => T | Promise<T>, limitMs = 15_000): Promise<Exclude<T, false>> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    let failure: unknown;
    try {
      const result = await check();
      if (result !== false) return result as Exclude<T, false>;
      failure = new Error(`still false after ${limitMs} ms: ${check}`);
    } catch (error) {
      failure = error;
    }
    if (Date.now() > deadline) throw failure;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

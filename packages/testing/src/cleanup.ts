// Clean-up of test files (needs vitest).
import { afterEach } from 'vitest';

/** A list per file: functions that are pushed during a test are called after it, in reverse order. */
export function cleanupAfterEach(): (() => unknown)[] {
  const cleanup: (() => unknown)[] = [];
  afterEach(async () => {
    for (const undo of cleanup.splice(0).reverse()) await undo();
  });
  return cleanup;
}

// For test files (needs vitest): what a test has opened is closed behind it.
import { afterEach } from 'vitest';

/** A list of a file's own: what is pushed during a test is called after it, the last first. */
export function cleanupAfterEach(): (() => unknown)[] {
  const cleanUp: (() => unknown)[] = [];
  afterEach(async () => {
    for (const undo of cleanUp.splice(0).reverse()) await undo();
  });
  return cleanUp;
}

// A worker's words to the process that forked it.
import type { Readiness } from '../process/index.js';

export function sendToPrimary(message: object): void {
  // The callback takes the error of a channel that closes at this moment; its end is seen by runApp.
  if (process.connected) process.send?.(message, undefined, {}, () => {});
}

/** The same readiness; `tell` is called at once and after each change. */
export function reportedReadiness(readiness: Readiness, tell: () => void): Readiness {
  tell();
  return {
    set(name, check) {
      const isChanged = readiness.set(name, check);
      if (isChanged) tell();
      return isChanged;
    },
    report: () => readiness.report(),
  };
}

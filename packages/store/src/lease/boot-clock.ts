// A clock that can't be set. Unlike performance.now it runs during a suspend, after which nothing has jumped.
import { uptime } from 'node:os';

/** Milliseconds since the machine booted. */
export function sinceBootMs(): number {
  try {
    return uptime() * 1_000;
  } catch {
    // some sandboxes do not permit it
    return performance.now();
  }
}

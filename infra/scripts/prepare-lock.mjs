// Two commands that are started at once on a fresh clone must not both run `npm ci` in the same folder. The lock is a
// file that its holder touches. A lock whose holder was killed (here or in another container) becomes stale and is replaced.
import { closeSync, openSync, readFileSync, rmSync, statSync, utimesSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

const TOUCH_MS = 2_000;
const STALE_MS = 20_000;
const POLL_MS = 200;

/** Runs `work` while holding the lock; waits as long as a living process holds it. */
export async function withPrepareLock(file, work, { staleMs = STALE_MS } = {}) {
  const owner = `${hostname()} ${process.pid}`;
  let isWaitLogged = false;
  while (!acquire(file, owner)) {
    if (isStale(file, staleMs)) {
      rmSync(file, { force: true });
      continue;
    }
    if (!isWaitLogged)
      process.stderr.write('fleetbridge: another command is installing or building; waiting for it …\n');
    isWaitLogged = true;
    await delay(POLL_MS);
  }

  const release = () => {
    if (ownerOf(file) === owner) rmSync(file, { force: true });
  };
  const touching = setInterval(() => touch(file), TOUCH_MS);
  process.once('exit', release);
  try {
    return await work();
  } finally {
    clearInterval(touching);
    process.off('exit', release);
    release();
  }
}

function acquire(file, owner) {
  try {
    const descriptor = openSync(file, 'wx');
    writeSync(descriptor, owner);
    closeSync(descriptor);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function isStale(file, staleMs) {
  try {
    if (Date.now() - statSync(file).mtimeMs > staleMs) return true;
  } catch {
    return false; // released just now; the next attempt acquires it
  }
  const [host, pid] = (ownerOf(file) ?? '').split(' ');
  // Process ids are valid on this host only. In a shared folder, the time of the last touch decides.
  return host === hostname() && pid !== undefined && !isAlive(Number(pid));
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function ownerOf(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function touch(file) {
  try {
    const now = new Date();
    utimesSync(file, now, now);
  } catch {
    // The file was removed by hand; there is nothing to touch.
  }
}

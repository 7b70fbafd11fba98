// Verdicts on this machine: its clock, its disk, and the versions in use.
import { green, type Verdict } from './finding.js';
import { problem } from './problems.js';
import { bytesText, durationText } from './text.js';

/** Above: tokens and certificates are judged wrongly. Tesla's Date has seconds, and an answer takes some. */
const CLOCK_MS = 60_000;

/** `aheadMs`: of our clock before Tesla's. */
export function clockVerdict(aheadMs: number): Verdict {
  const difference = durationText(Math.abs(aheadMs));
  if (Math.abs(aheadMs) <= CLOCK_MS) return green(`within ${difference} of Tesla's`);
  return problem('clock_wrong', `(${difference} ${aheadMs > 0 ? 'ahead' : 'behind'})`);
}

export function diskVerdict({ freeBytes, totalBytes }: { freeBytes: number; totalBytes: number }): Verdict {
  const detail = `${bytesText(freeBytes)} of ${bytesText(totalBytes)} free`;
  const share = freeBytes / totalBytes;
  if (freeBytes < 200e6 || share < 0.02) return problem('disk_full', `(${detail})`);
  return freeBytes < 2e9 || share < 0.05 ? problem('disk_low', `(${detail})`) : green(detail);
}

export interface Versions {
  readonly fleetbridge: string;
  readonly node: string;
  /** Undefined where it is not reported. */
  readonly redis: string | undefined;
}

export function versionsVerdict({ fleetbridge, node, redis }: Versions): Verdict {
  const detail = `fleetbridge ${fleetbridge}, Node ${node}, Redis ${redis ?? 'unknown'}`;
  const isOld = isBelow(node, [20, 19]) || (redis !== undefined && isBelow(redis, [7, 0]));
  return isOld ? problem('version_too_old', `(${detail})`) : green(detail);
}

function isBelow(version: string, [major, minor]: readonly [number, number]): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.replace(/^v/, '').split('.').map(Number);
  return ownMajor < major || (ownMajor === major && ownMinor < minor);
}

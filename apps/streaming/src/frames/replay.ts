// What a subscriber that reconnects is sent before live frames: the frames that it missed, from the vehicle's ring, at a
// rate that TeslaMate's database can follow. New frames are added to the ring meanwhile, so its end is the present and no
// frame is missed or sent twice.

import { isAfter } from '@fleetbridge/protocol';
import { asParked, type Frame, isDriving } from './frame.js';
import type { FrameRing } from './frame-ring.js';

export interface ReplayPlan {
  /** Sent at once: the present frame, if no other frame is due. */
  first: Frame | undefined;
  /** Number of the first frame in the ring to send. */
  from: number;
  /** Frames between the position and the start of the ring were evicted. */
  hasGap: boolean;
}

/** A drive that a new subscriber gets from its beginning is at most this old: TeslaMate looks every 30 s. */
const YOUNG_DRIVE_MS = 60_000;

/**
 * The last frame with P, for a subscriber that has no frame of the current drive. A TeslaMate that looks whether the
 * vehicle is really awake ignores every frame until it has fetched vehicle_data and begun its drive, and takes this one,
 * because of its power, as a sign of life. undefined: the subscriber knows the drive, the vehicle is parked, or the
 * beginning is not kept.
 */
export function frameBeforeDrive({
  ring,
  present,
  position,
  isNew,
}: {
  ring: FrameRing;
  present: Frame | undefined;
  position: string;
  /** It has no position of an earlier connection. */
  isNew: boolean;
}): Frame | undefined {
  const parked = ring.beforeDrive && asParked(ring.beforeDrive);
  const first = ring.at(ring.driveStart);
  if (!present || present.isParked || !parked || !first) return undefined;
  if (isNew) return present.timeMs - first.timeMs <= YOUNG_DRIVE_MS ? parked : undefined;
  const last = ring.at(ring.after(position) - 1);
  return isAfter(first.entryId, position) && !(last && isDriving(last)) ? parked : undefined;
}

/**
 * `position`: the last entry that has arrived. For a parked vehicle nothing is replayed, otherwise the current drive
 * only: TeslaMate would start a new drive at an old frame.
 */
export function planReplay({
  ring,
  present,
  position,
}: {
  ring: FrameRing;
  present: Frame | undefined;
  position: string;
}): ReplayPlan {
  if (!present || present.isParked) {
    const isKnown = present !== undefined && isAfter(position, present.entryId);
    return { first: isKnown ? undefined : present, from: ring.end, hasGap: false };
  }
  const from = Math.max(ring.after(position), ring.driveStart);
  return {
    first: undefined,
    from,
    hasGap: from < ring.end && isAfter(ring.lostThrough, position) && from === ring.start,
  };
}

export interface ReplayOptions {
  ring: FrameRing;
  from: number;
  send: (frame: Frame) => void;
  /** While true, sending pauses. */
  isBusy: () => boolean;
  /** Called in the turn in which the end of the ring is reached. */
  onDone: () => void;
  /** An error in a later step, which no caller can catch. */
  onError: (error: unknown) => void;
  framesPerSecond: number;
}

const STEP_MS = 50;

export class Replay {
  readonly #options: ReplayOptions;
  #next: number;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(options: ReplayOptions) {
    this.#options = options;
    this.#next = options.from;
  }

  start(): void {
    const { ring, send, isBusy, onDone, framesPerSecond } = this.#options;
    let left = Math.max(1, Math.round((framesPerSecond * STEP_MS) / 1000));
    for (; left > 0 && !this.#isStopped && this.#next < ring.end && !isBusy(); left--) {
      // frames that were evicted meanwhile are lost for a client that reads this slowly
      this.#next = Math.max(this.#next, ring.start);
      send(ring.at(this.#next++)!);
    }
    if (this.#isStopped) return;
    if (this.#next >= ring.end) onDone();
    else this.#timer = setTimeout(() => this.#continue(), STEP_MS);
  }

  #continue(): void {
    try {
      this.start();
    } catch (error) {
      this.stop();
      this.#options.onError(error);
    }
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }
}

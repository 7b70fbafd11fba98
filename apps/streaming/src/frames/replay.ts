// What a subscriber that comes back is sent before it is live: the frames that it missed, from the vehicle's ring, at a
// pace that TeslaMate's database can follow. Frames that come meanwhile go into the ring too, so that its end is the
// present and nothing is missed or sent twice.

import { isAfter } from '@fleetbridge/protocol';
import type { Frame } from './frame.js';
import type { FrameRing } from './frame-ring.js';

export interface ReplayPlan {
  /** To be sent at once: the present, where that is all there is to say. */
  first: Frame | undefined;
  /** Number of the frame in the ring that comes then. */
  from: number;
  /** Frames between the position and the ring's beginning are gone. */
  hasGap: boolean;
}

/**
 * `position`: all up to there has arrived. While the vehicle is parked nothing is replayed, and of a drive that goes on
 * only this drive: TeslaMate would take an old frame for the beginning of a new drive.
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
  /** While true nothing more is sent. */
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
      // what fell out of the ring meanwhile is lost to who reads so slowly
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

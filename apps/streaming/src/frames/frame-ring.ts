// The recent frames of one vehicle, for subscribers that come back. Frames are numbered, so that a reader keeps its
// place while old ones go.
import { BEGINNING, entryMs, isAfter, justBefore } from '@fleetbridge/protocol';
import type { Frame } from './frame.js';

/** A vehicle's backlog of some hours may arrive at once. */
const FRAMES = 10_000;

export class FrameRing {
  readonly #windowMs: number;
  #frames: Frame[] = [];
  /** Where the oldest is in #frames, and its number. */
  #head = 0;
  #first = 0;
  #driveStart = 0;
  #lostThrough = BEGINNING;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** Number of the oldest frame. */
  get start(): number {
    return this.#first;
  }

  /** Number of the next frame to come. */
  get end(): number {
    return this.#first + this.#frames.length - this.#head;
  }

  /** Who has less than this can't be given all that it missed. */
  get lostThrough(): string {
    return this.#lostThrough;
  }

  /** Number of the first frame of the drive that goes on. */
  get driveStart(): number {
    return Math.max(this.#driveStart, this.#first);
  }

  push(frame: Frame): void {
    if (this.end === 0) this.#lostThrough = justBefore(frame.entryId);
    this.#frames.push(frame);
    if (frame.isParked) this.#driveStart = this.end;
    this.forgetBefore(entryMs(frame.entryId) - this.#windowMs);
    if (this.end - this.#first > FRAMES) this.#drop(1);
  }

  /** The frame of a number; undefined when it is gone or still to come. */
  at(number: number): Frame | undefined {
    return number < this.#first ? undefined : this.#frames[this.#head + number - this.#first];
  }

  /** The number of the first frame after a cursor. */
  after(cursor: string): number {
    let low = this.#first;
    let high = this.end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isAfter(this.at(middle)!.entryId, cursor)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Frames of records that were appended before this moment. */
  forgetBefore(ms: number): void {
    let count = 0;
    while (this.#first + count < this.end && entryMs(this.at(this.#first + count)!.entryId) < ms) count++;
    this.#drop(count);
  }

  #drop(count: number): void {
    if (count === 0) return;
    this.#lostThrough = this.at(this.#first + count - 1)!.entryId;
    this.#head += count;
    this.#first += count;
    // now and then, so that each frame is moved once or so
    if (this.#head > 64 && this.#head * 2 > this.#frames.length) {
      this.#frames = this.#frames.slice(this.#head);
      this.#head = 0;
    }
  }
}

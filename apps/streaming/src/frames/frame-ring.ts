// The recent frames of one vehicle, for subscribers that reconnect. Frames are numbered, so that a reader keeps its
// position while old frames are evicted. Each column is an array of its own, with numbers as numbers: a frame takes
// about 200 bytes, less than two thirds of an object with one text per column.
import { BEGINNING, entryMs, isAfter, justBefore } from '@fleetbridge/protocol';
import { defaultColumns } from '@fleetbridge/vehicle-state';
import { createFrame, type Frame } from './frame.js';

/** The backlog of a vehicle that was without network for hours can arrive at once. */
const MAX_FRAMES = 10_000;

export class FrameRing {
  readonly #windowMs: number;
  #entryIds: string[] = [];
  #times: number[] = [];
  #columns: (string | number)[][] = defaultColumns.map(() => []);
  /** Index of the oldest frame in the arrays, and its number. */
  #head = 0;
  #first = 0;
  #driveStart = 0;
  #lastParked: Frame | undefined;
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
    return this.#first + this.#entryIds.length - this.#head;
  }

  /** A client behind this id can't be replayed completely. */
  get lostThrough(): string {
    return this.#lostThrough;
  }

  /** Number of the first frame of the current drive. */
  get driveStart(): number {
    return Math.max(this.#driveStart, this.#first);
  }

  /** The frame before the current drive, also when it was evicted; undefined when the beginning of the drive was. */
  get beforeDrive(): Frame | undefined {
    return this.#driveStart >= this.#first ? this.#lastParked : undefined;
  }

  push(frame: Frame): void {
    const { entryId, timeMs, values, isParked } = frame;
    if (this.end === 0) this.#lostThrough = justBefore(entryId);
    this.#entryIds.push(entryId);
    this.#times.push(timeMs);
    for (const [n, name] of defaultColumns.entries()) this.#columns[n]!.push(compact(values[name]));
    if (isParked) {
      this.#driveStart = this.end;
      this.#lastParked = frame;
    }
    this.evictBefore(entryMs(entryId) - this.#windowMs);
    if (this.end - this.#first > MAX_FRAMES) this.#evict(1);
  }

  /** The frame with this number; undefined when it was evicted or has not been pushed yet. */
  at(number: number): Frame | undefined {
    if (number < this.#first || number >= this.end) return undefined;
    const index = this.#indexOf(number);
    const values = Object.fromEntries(defaultColumns.map((name, n) => [name, String(this.#columns[n]![index]!)]));
    return createFrame(this.#entryIds[index]!, { timeMs: this.#times[index]!, values });
  }

  /** The number of the first frame after a cursor. */
  after(cursor: string): number {
    let low = this.#first;
    let high = this.end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isAfter(this.#entryIds[this.#indexOf(middle)]!, cursor)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Evicts frames of records that were appended before this moment. */
  evictBefore(ms: number): void {
    let count = 0;
    while (this.#first + count < this.end && entryMs(this.#entryIds[this.#head + count]!) < ms) count++;
    this.#evict(count);
  }

  #indexOf(number: number): number {
    return this.#head + number - this.#first;
  }

  #evict(count: number): void {
    if (count === 0) return;
    this.#lostThrough = this.#entryIds[this.#head + count - 1]!;
    this.#head += count;
    this.#first += count;
    // only once half of the arrays is unused, so that each frame is moved about once
    if (this.#head > 64 && this.#head * 2 > this.#entryIds.length) {
      this.#entryIds = this.#entryIds.slice(this.#head);
      this.#times = this.#times.slice(this.#head);
      this.#columns = this.#columns.map((column) => column.slice(this.#head));
      this.#head = 0;
    }
  }
}

/** A number where it prints as the very same text. */
function compact(text = ''): string | number {
  const number = Number(text);
  return String(number) === text ? number : text;
}

// The text of a frame's message, made once for all subscribers that ask for the same.

import type { Elevation } from './elevation.js';
import { type Frame, frameText, withElevation } from './frame.js';

/** A parked vehicle's frame stays for days, and a client may ask by any spelling of a tag. */
const KINDS_KEPT = 100;

export interface FrameRequest {
  tag: string;
  columns: readonly string[];
  /** Equal for requests that are. */
  key: string;
}

export interface FrameMessage {
  text: string;
  /** What the columns show, without the time and without the elevation, whose coming to be known is no news. */
  values: string;
}

export class FrameMessages {
  readonly #elevation: Pick<Elevation, 'at'> | undefined;
  #frame: Frame | undefined;
  readonly #made = new Map<string, FrameMessage>();

  constructor(elevation?: Pick<Elevation, 'at'>) {
    this.#elevation = elevation;
  }

  of(frame: Frame, request: FrameRequest): FrameMessage {
    if (frame !== this.#frame) {
      this.#frame = frame;
      this.#made.clear();
    }
    const known = this.#made.get(request.key);
    if (known) return known;
    const value = frameText(frame, request.columns);
    const shown = this.#elevation ? frameText(withElevation(frame, this.#elevation), request.columns) : value;
    if (this.#made.size >= KINDS_KEPT) this.#made.clear();
    const message = { text: updateMessage(request.tag, shown), values: value.slice(value.indexOf(',') + 1) };
    this.#made.set(request.key, message);
    return message;
  }
}

export function updateMessage(tag: string, value: string): string {
  return JSON.stringify({ msg_type: 'data:update', tag, value });
}

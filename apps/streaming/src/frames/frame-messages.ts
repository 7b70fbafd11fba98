// The text of a frame's message, formatted once per distinct request: subscribers with the same tag and columns share it.
import { formatFrame } from '@fleetbridge/vehicle-state';
import type { Elevation } from './elevation.js';
import { type Frame, withElevation } from './frame.js';

/** A parked vehicle keeps its frame for days, and a client can spell a tag in many ways. */
const MAX_MESSAGES = 100;

export interface FrameRequest {
  tag: string;
  columns: readonly string[];
  /** Equal for equal requests. */
  key: string;
}

export interface FrameMessage {
  text: string;
  /** The columns' texts without the time, and without the elevation: its late arrival must not cause another frame. */
  values: string;
}

export class FrameMessages {
  readonly #elevation: Pick<Elevation, 'at'> | undefined;
  #frame: Frame | undefined;
  readonly #messages = new Map<string, FrameMessage>();

  constructor(elevation?: Pick<Elevation, 'at'>) {
    this.#elevation = elevation;
  }

  of(frame: Frame, request: FrameRequest): FrameMessage {
    if (frame !== this.#frame) {
      this.#frame = frame;
      this.#messages.clear();
    }
    const known = this.#messages.get(request.key);
    if (known) return known;
    const value = formatFrame(frame, request.columns);
    const shown = this.#elevation ? formatFrame(withElevation(frame, this.#elevation), request.columns) : value;
    if (this.#messages.size >= MAX_MESSAGES) this.#messages.clear();
    const message = { text: updateMessage(request.tag, shown), values: value.slice(value.indexOf(',') + 1) };
    this.#messages.set(request.key, message);
    return message;
  }
}

export function updateMessage(tag: string, value: string): string {
  return JSON.stringify({ msg_type: 'data:update', tag, value });
}

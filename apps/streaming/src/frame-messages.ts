// The text of a frame's message, made once for all subscribers that ask for the same.
import { updateMessage } from './owner-messages.js';
import { frameText, type SentFrame } from './sent-frame.js';

export interface FrameRequest {
  tag: string;
  columns: readonly string[];
  /** Equal for requests that are. */
  key: string;
}

export interface FrameMessage {
  text: string;
  /** What the columns show, without the time. */
  values: string;
}

export class FrameMessages {
  #frame: SentFrame | undefined;
  readonly #made = new Map<string, FrameMessage>();

  of(frame: SentFrame, request: FrameRequest): FrameMessage {
    if (frame !== this.#frame) {
      this.#frame = frame;
      this.#made.clear();
    }
    const known = this.#made.get(request.key);
    if (known) return known;
    const value = frameText(frame, request.columns);
    const message = { text: updateMessage(request.tag, value), values: value.slice(value.indexOf(',') + 1) };
    this.#made.set(request.key, message);
    return message;
  }
}

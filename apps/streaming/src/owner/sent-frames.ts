// What a client has been sent on one connection, per subscriber name.
import type { Frame } from '../frames/index.js';

export interface SentFrames {
  /** Frames up to this entry were sent or must not be sent. */
  upTo: string;
  /** Time of the last frame. */
  timeMs: number;
  /** The last frame as the client's columns show it; '' = no frame yet. */
  values: string;
  last: Frame | undefined;
  /** The vehicle was in D, R or N in the last frame that a record made. */
  isDriving: boolean;
}

export function nothingSent(upTo: string): SentFrames {
  return { upTo, timeMs: Number.NEGATIVE_INFINITY, values: '', last: undefined, isDriving: false };
}

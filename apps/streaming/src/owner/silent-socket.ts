// A WebSocket that never sends a close frame, because a close frame crashes TeslaMate: not for malformed frames, not for
// messages that are too long, not as the answer to the client's own. Other clients get close frames as usual.
import { WebSocket } from 'ws';

export class SilentWebSocket extends WebSocket {
  /** Set when the client has shown that it is not TeslaMate. */
  knowsCloseFrames = false;

  override close(code?: number, reason?: string | Buffer): void {
    if (this.knowsCloseFrames) super.close(code, reason);
    else this.terminate();
  }
}

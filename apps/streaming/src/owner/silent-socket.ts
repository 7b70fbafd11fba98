// A WebSocket that never sends a close frame, because one crashes TeslaMate: not for bad frames, not for messages that
// are too long, not as the echo of the client's own. Clients of other kinds get what the protocol says.
import { WebSocket } from 'ws';

export class SilentWebSocket extends WebSocket {
  /** Set once it is known that the client is not TeslaMate. */
  knowsCloseFrames = false;

  override close(code?: number, reason?: string | Buffer): void {
    if (this.knowsCloseFrames) super.close(code, reason);
    else this.terminate();
  }
}

// Parts of ws that its type declarations omit; the reference for our own frames.
import type { EventEmitter } from 'node:events';
import * as ws from 'ws';

interface Parts {
  Receiver: new (options: object) => EventEmitter & { write(bytes: Buffer): boolean };
  Sender: { frame(payload: Buffer, options: object): Buffer[] };
}

export const { Receiver, Sender } = ws as unknown as Parts;

// Takes the bytes of a vehicle's socket apart into WebSocket frames. What a vehicle sends all day, whole binary
// messages of less than 64 KB, is unmasked in place and handed on at once. Everything else (control frames, fragments,
// long messages, whatever breaks the rules) goes as it is to the ws library, which knows what to do.
// Why: ws cuts a message out of its chunk with eight small buffers; they were a third of the cost of a record.

const FIN_BINARY = 0x82;
const MASKED = 0x80;
const SIXTEEN_BIT_LENGTH = 126;
const NOTHING = Buffer.alloc(0);

export interface FrameHandler {
  /**
   * A whole binary message lies in the bytes from `start` to `end`, unmasked; valid until the call returns. False: look
   * at no more.
   */
  message(bytes: Buffer, start: number, end: number): boolean;
  /** Bytes for the ws library, in their order. */
  other(bytes: Buffer): void;
}

export class FrameSplitter {
  readonly #handler: FrameHandler;
  /** The beginning of a frame whose rest has not come yet. */
  #rest = NOTHING;
  /** Bytes of a frame that has begun to go to ws and that it still waits for. */
  #owed = 0;
  /** Between the first and the last fragment of a message, which ws puts together. */
  #isFragmented = false;
  /** A frame that breaks the rules has been seen; ws ends the connection. */
  #isBroken = false;
  /** The close frame is the last that means anything. */
  #isClosing = false;
  #isOver = false;

  constructor(handler: FrameHandler) {
    this.#handler = handler;
  }

  /** ws does not listen any more: it has found an error. What still comes is nobody's. */
  stop(): void {
    this.#isOver = true;
    this.#rest = NOTHING;
  }

  /** The next bytes of the socket. They are changed: messages are unmasked where they lie. */
  push(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = NOTHING;
    let at = 0;
    while (at < bytes.length && !this.#isOver) {
      if (this.#isBroken) {
        this.#handler.other(bytes.subarray(at));
        return;
      }
      if (this.#owed > 0) {
        const end = Math.min(bytes.length, at + this.#owed);
        this.#owed -= end - at;
        // ws stops listening with the end of the close frame
        if (this.#isClosing && this.#owed === 0) this.stop();
        this.#handler.other(bytes.subarray(at, end));
        at = end;
        continue;
      }
      const next = this.#frame(bytes, at);
      if (next === INCOMPLETE) {
        // copied: the chunk may be a slice of something large
        this.#rest = Buffer.from(bytes.subarray(at));
        return;
      }
      if (next === STOP) return;
      at = next;
    }
  }

  /** Deals with the frame at `at` and returns where the next one begins. */
  #frame(bytes: Buffer, at: number): number {
    if (bytes.length - at < 2) return INCOMPLETE;
    const first = bytes[at]!;
    const second = bytes[at + 1]!;
    const shortLength = second & 0x7f;
    if (first !== FIN_BINARY || (second & MASKED) === 0 || shortLength > SIXTEEN_BIT_LENGTH || this.#isFragmented) {
      return this.#pass(bytes, at, first, second);
    }
    let maskAt = at + 2;
    let length = shortLength;
    if (shortLength === SIXTEEN_BIT_LENGTH) {
      if (bytes.length - at < 4) return INCOMPLETE;
      length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
      maskAt = at + 4;
    }
    const start = maskAt + 4;
    const end = start + length;
    if (end > bytes.length) return INCOMPLETE;
    unmask(bytes, maskAt, start, end);
    return this.#handler.message(bytes, start, end) ? end : STOP;
  }

  /** A frame that is not ours: its bytes go to ws, and so does what is still to come of it. */
  #pass(bytes: Buffer, at: number, first: number, second: number): number {
    const shortLength = second & 0x7f;
    const headerBytes = 2 + (shortLength === 126 ? 2 : shortLength === 127 ? 8 : 0) + ((second & MASKED) === 0 ? 0 : 4);
    if (bytes.length - at < headerBytes) return INCOMPLETE;
    const length =
      shortLength < 126 ? shortLength : shortLength === 126 ? bytes.readUInt16BE(at + 2) : bytes.readUIntBE(at + 4, 6);
    const isFinal = (first & 0x80) !== 0;
    const opcode = first & 0x0f;
    // ws tells of a broken rule in the next turn: what follows such a frame must not be taken for a message meanwhile
    const isLengthSane = shortLength < 127 || bytes.readUInt16BE(at + 2) === 0;
    const isOpcodeSane =
      opcode >= 8 ? opcode <= 10 && isFinal && shortLength < 126 : opcode <= 2 && (opcode === 0) === this.#isFragmented;
    if ((first & 0x70) !== 0 || (second & MASKED) === 0 || !isLengthSane || !isOpcodeSane) {
      this.#isBroken = true;
      return at;
    }
    if (opcode < 8) this.#isFragmented = !isFinal;
    this.#isClosing = opcode === 8;
    this.#owed = headerBytes + length;
    return at;
  }
}

const INCOMPLETE = -1;
const STOP = -2;

/** XORs with the mask of four bytes before them. */
function unmask(bytes: Buffer, maskAt: number, start: number, end: number): void {
  const a = bytes[maskAt]!;
  const b = bytes[maskAt + 1]!;
  const c = bytes[maskAt + 2]!;
  const d = bytes[maskAt + 3]!;
  if ((a | b | c | d) === 0) return;
  let at = start;
  for (const whole = end - 3; at < whole; at += 4) {
    bytes[at]! ^= a;
    bytes[at + 1]! ^= b;
    bytes[at + 2]! ^= c;
    bytes[at + 3]! ^= d;
  }
  if (at < end) bytes[at]! ^= a;
  if (at + 1 < end) bytes[at + 1]! ^= b;
  if (at + 2 < end) bytes[at + 2]! ^= c;
}

// Splits the bytes of a vehicle's socket into WebSocket frames. Unfragmented binary messages of less than 64 KB, which
// are nearly all messages, are unmasked in place. All other frames (control frames, fragments, long messages, invalid
// frames) are passed unchanged to the ws library. Reason: ws allocates eight small buffers per message; they were a third
// of the cost of a record.

const FIN_BINARY = 0x82;
const MASKED = 0x80;
const SIXTEEN_BIT_LENGTH = 126;
const EMPTY = Buffer.alloc(0);

export interface FrameHandler {
  /**
   * A whole binary message: `bytes` from `start` to `end`, unmasked, valid until the call returns. Return false to
   * ignore the rest of the chunk.
   */
  message(bytes: Buffer, start: number, end: number): boolean;
  /** Bytes for the ws library, in order. */
  other(bytes: Buffer): void;
}

export class FrameSplitter {
  readonly #handler: FrameHandler;
  /** The beginning of an incomplete frame. */
  #rest = EMPTY;
  /** Bytes that still belong to the frame that is being passed to ws. */
  #passBytes = 0;
  /** Between the first and the last fragment of a message, which ws reassembles. */
  #isFragmented = false;
  /** An invalid frame was received; ws closes the connection. */
  #isBroken = false;
  /** The frame that is being passed is a close frame. */
  #isClosing = false;
  #isStopped = false;

  constructor(handler: FrameHandler) {
    this.#handler = handler;
  }

  /** ws has failed and does not read any more: ignore all further bytes. */
  stop(): void {
    this.#isStopped = true;
    this.#rest = EMPTY;
  }

  /** The next bytes of the socket. Modifies them: messages are unmasked in place. */
  push(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = EMPTY;
    let at = 0;
    while (at < bytes.length && !this.#isStopped) {
      if (this.#isBroken) {
        this.#handler.other(bytes.subarray(at));
        return;
      }
      if (this.#passBytes > 0) {
        const end = Math.min(bytes.length, at + this.#passBytes);
        this.#passBytes -= end - at;
        // ws ignores everything behind the close frame
        if (this.#isClosing && this.#passBytes === 0) this.stop();
        this.#handler.other(bytes.subarray(at, end));
        at = end;
        continue;
      }
      const next = this.#frame(bytes, at);
      if (next === INCOMPLETE) {
        // copied, because the chunk may be a slice of a large buffer
        this.#rest = Buffer.from(bytes.subarray(at));
        return;
      }
      if (next === STOP) return;
      at = next;
    }
  }

  /** Processes the frame at `at` and returns the offset of the next frame. */
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

  /** Arranges that the whole frame at `at`, including bytes that have not arrived yet, is passed to ws. */
  #pass(bytes: Buffer, at: number, first: number, second: number): number {
    const shortLength = second & 0x7f;
    const headerBytes = 2 + (shortLength === 126 ? 2 : shortLength === 127 ? 8 : 0) + ((second & MASKED) === 0 ? 0 : 4);
    if (bytes.length - at < headerBytes) return INCOMPLETE;
    const length =
      shortLength < 126 ? shortLength : shortLength === 126 ? bytes.readUInt16BE(at + 2) : bytes.readUIntBE(at + 4, 6);
    const isFinal = (first & 0x80) !== 0;
    const opcode = first & 0x0f;
    // ws reports an invalid frame one turn later; until then, bytes behind it must not be read as a message
    const isLengthValid = shortLength < 127 || bytes.readUInt16BE(at + 2) === 0;
    const isOpcodeValid =
      opcode >= 8 ? opcode <= 10 && isFinal && shortLength < 126 : opcode <= 2 && (opcode === 0) === this.#isFragmented;
    if ((first & 0x70) !== 0 || (second & MASKED) === 0 || !isLengthValid || !isOpcodeValid) {
      this.#isBroken = true;
      return at;
    }
    if (opcode < 8) this.#isFragmented = !isFinal;
    this.#isClosing = opcode === 8;
    this.#passBytes = headerBytes + length;
    return at;
  }
}

const INCOMPLETE = -1;
const STOP = -2;

/** XORs the bytes with the four-byte mask at `maskAt`. */
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

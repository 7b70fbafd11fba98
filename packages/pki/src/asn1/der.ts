// A reader of DER, the encoding of certificates, for untrusted bytes. It never throws and never reads outside the
// buffer. The first error is kept in `failure`; every read after it returns an empty element. So callers read a whole
// structure without checks and test `failure` once, at the end.

/** One element's content: `at` moves forward as its children are read, `end` is the first byte behind it. */
export interface DerElement {
  readonly tag: number;
  at: number;
  readonly end: number;
}

export interface DerFailure {
  readonly problem: string;
  /** Offset in bytes from the start of the buffer. */
  readonly offset: number;
}

export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  numericString: 0x12,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Arcs of an object identifier are below 2^31, as in Go's reader; a UUID arc (2.25.…) is therefore rejected. */
const MAX_ARC = 2 ** 31;

export class DerReader {
  failure: DerFailure | undefined;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The whole buffer as the outermost element. */
  whole(): DerElement {
    return { tag: 0, at: 0, end: this.#bytes.length };
  }

  /** False behind the last child and after a failure, so a loop on it always ends. */
  hasMore(inside: DerElement): boolean {
    return this.failure === undefined && inside.at < inside.end;
  }

  nextIs(inside: DerElement, tag: number): boolean {
    return this.hasMore(inside) && this.#bytes[inside.at] === tag;
  }

  /** Reads the next child of `inside` and moves past it. With `tag`, any other tag is a failure. */
  next(inside: DerElement, tag?: number): DerElement {
    if (this.failure !== undefined) return EMPTY;
    const bytes = this.#bytes;
    const start = inside.at;
    if (inside.end - start < 2) return this.fail('element cut short', start);

    const found = bytes[start] ?? 0;
    if (tag !== undefined && found !== tag) {
      return this.fail(`tag 0x${found.toString(16)}, expected 0x${tag.toString(16)}`, start);
    }
    if ((found & 0x1f) === 0x1f) return this.fail('tag of more than one byte', start);

    let length = bytes[start + 1] ?? 0;
    let contentStart = start + 2;
    if (length >= 0x80) {
      const lengthBytes = length & 0x7f;
      // 0x80 alone is BER's indefinite length. Three bytes are 16 MB, more than any handshake carries.
      if (lengthBytes === 0 || lengthBytes > 3) return this.fail('length not in DER form', start + 1);
      if (inside.end - contentStart < lengthBytes) return this.fail('length cut short', start + 1);
      length = 0;
      for (let i = 0; i < lengthBytes; i++) length = length * 256 + (bytes[contentStart + i] ?? 0);
      contentStart += lengthBytes;
      const shortest = length < 0x80 ? 0 : length < 0x100 ? 1 : length < 0x10000 ? 2 : 3;
      if (lengthBytes !== shortest) return this.fail('length not in its shortest form', start + 1);
    }
    if (length > inside.end - contentStart) return this.fail('element longer than its parent', start);

    inside.at = contentStart + length;
    return { tag: found, at: contentStart, end: contentStart + length };
  }

  /** Bytes left inside are a failure: a certificate allows no extra bytes. */
  finish(inside: DerElement): void {
    if (this.hasMore(inside)) this.fail('unexpected bytes', inside.at);
  }

  contentIs(element: DerElement, expected: Uint8Array): boolean {
    if (element.end - element.at !== expected.length) return false;
    for (let i = 0; i < expected.length; i++) if (this.#bytes[element.at + i] !== expected[i]) return false;
    return true;
  }

  /** An object identifier's content in dotted form. */
  objectIdentifier(element: DerElement): string {
    if (this.failure !== undefined) return '';
    let dotted = '';
    let arc = 0;
    let isInsideArc = false;
    for (let i = element.at; i < element.end; i++) {
      const byte = this.#bytes[i] ?? 0;
      if (!isInsideArc && byte === 0x80) return this.#textFailure('object identifier not in its shortest form', i);
      arc = arc * 128 + (byte & 0x7f);
      if (arc >= MAX_ARC) return this.#textFailure('object identifier with an arc too large', i);
      isInsideArc = byte >= 0x80;
      if (isInsideArc) continue;
      if (dotted === '') {
        // The first two arcs share one number: 40 × first + second, where only first = 2 may have a second above 39.
        const first = Math.min(2, Math.floor(arc / 40));
        dotted = `${first}.${arc - first * 40}`;
      } else {
        dotted += `.${arc}`;
      }
      arc = 0;
    }
    if (isInsideArc || dotted === '') return this.#textFailure('object identifier cut short', element.at);
    return dotted;
  }

  /** The text of a name's attribute, whatever string type the issuer chose for it. */
  text(element: DerElement): string {
    if (this.failure !== undefined) return '';
    const content = this.#buffer(element);
    switch (element.tag) {
      case tags.utf8String: {
        // A decoder that replaces bad bytes with U+FFFD would make different names equal.
        const text = content.toString('utf8');
        if (!Buffer.from(text, 'utf8').equals(content)) return this.#textFailure('text that is not UTF-8', element.at);
        return text;
      }
      case tags.numericString:
      case tags.printableString:
      case tags.ia5String:
        for (let i = element.at; i < element.end; i++) {
          if ((this.#bytes[i] ?? 0) > 0x7f) return this.#textFailure('text that is not ASCII', i);
        }
        return content.toString('latin1');
      case tags.teletexString:
        return content.toString('latin1');
      case tags.bmpString:
        if (content.length % 2 !== 0) return this.#textFailure('two-byte text of odd length', element.at);
        return Buffer.from(content).swap16().toString('utf16le');
      default:
        return this.#textFailure(`tag 0x${element.tag.toString(16)}, expected text`, element.at);
    }
  }

  /** Keeps only the first failure: later ones are its consequences. */
  fail(problem: string, offset: number): DerElement {
    this.failure ??= { problem, offset };
    return EMPTY;
  }

  #textFailure(problem: string, offset: number): string {
    this.fail(problem, offset);
    return '';
  }

  #buffer(element: DerElement): Buffer {
    const { buffer, byteOffset } = this.#bytes;
    return Buffer.from(buffer, byteOffset + element.at, element.end - element.at);
  }
}

/** Returned by every read after a failure. Safe to share: reads after a failure don't move. */
const EMPTY: DerElement = Object.freeze({ tag: 0, at: 0, end: 0 });

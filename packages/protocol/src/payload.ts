// Validates a record's protobuf payload in one pass over the wire format, building no objects, and picks up the few
// facts that ingest needs. Refuses what Tesla's server refuses: Go's protobuf rules (a known field with another wire
// type counts as unknown, text must be UTF-8, field numbers 1 to 2^29-1, groups must be closed, varints end within
// ten bytes and fit 64 bits).
import { isUtf8 } from 'node:buffer';
import type { MessageShape, TopicShape } from './schema.js';

const MAX_FIELD_NUMBER = 0x1fffffff;
// Go's decoder stops at 10,000; real records nest four deep.
const MAX_DEPTH = 100;

/** What an inspected payload says about itself. Undefined fields were absent. */
export interface PayloadFacts {
  isValid: boolean;
  /** created_at in epoch milliseconds; 0 when absent. */
  createdMs: number;
  isResend: boolean;
  /** The last vin field's text lies here in the bytes; both 0 when absent. */
  vinStart: number;
  vinEnd: number;
}

/**
 * Walks payloads, one after the other; not reentrant. The result object is reused by the next call, because one is
 * needed for each record on the way from the wire to the log.
 */
export class PayloadInspector {
  readonly #facts: PayloadFacts = { isValid: false, createdMs: 0, isResend: false, vinStart: 0, vinEnd: 0 };
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #length = 0;

  inspect(shape: TopicShape, bytes: Buffer, start: number, end: number): Readonly<PayloadFacts> {
    const facts = this.#facts;
    facts.createdMs = 0;
    facts.isResend = false;
    facts.vinStart = 0;
    facts.vinEnd = 0;
    this.#bytes = bytes;
    this.#at = start;
    facts.isValid = this.#root(shape, end);
    return facts;
  }

  #root(shape: TopicShape, end: number): boolean {
    const facts = this.#facts;
    while (this.#at < end) {
      const tag = this.#tag(end);
      if (tag < 0) return false;
      const number = tag >>> 3;
      const wire = tag & 7;
      if (number === shape.createdAtField && wire === 2) {
        if (!this.#timestamp(shape.message.byNumber[number]!.message!, end)) return false;
      } else if (number === shape.isResendField && wire === 0) {
        const value = this.#varint(end);
        if (value < 0) return false;
        facts.isResend = value !== 0;
      } else {
        if (!this.#field(shape.message, number, wire, end, 1)) return false;
        if (number === shape.vinField && wire === 2) {
          facts.vinEnd = this.#at;
          facts.vinStart = this.#at - this.#length;
        }
      }
    }
    return this.#at === end;
  }

  /** created_at: seconds (1) and nanos (2). Checked like any message, and read on the way. */
  #timestamp(message: MessageShape, end: number): boolean {
    const start = this.#at;
    if (!this.#message(message, end, 1)) return false;
    const after = this.#at;
    this.#at = start;
    this.#varint(end);
    let seconds = Math.floor(this.#facts.createdMs / 1000);
    let nanos = (this.#facts.createdMs % 1000) * 1e6;
    while (this.#at < after) {
      const tag = this.#tag(after);
      if (tag === 8) seconds = this.#varint(after);
      else if (tag === 16) nanos = this.#varint(after);
      else this.#skip(tag >>> 3, tag & 7, after, 1);
    }
    // Beyond a double's integers lie negative numbers (ten bytes on the wire); no vehicle lived then.
    const isSane = seconds <= 253_402_300_799 && nanos < 1e9;
    this.#facts.createdMs = isSane ? seconds * 1000 + Math.floor(nanos / 1e6) : 0;
    this.#at = after;
    return true;
  }

  #message(shape: MessageShape, end: number, depth: number): boolean {
    const length = this.#varint(end);
    if (length < 0 || length > end - this.#at || depth > MAX_DEPTH) return false;
    const stop = this.#at + length;
    while (this.#at < stop) {
      const tag = this.#tag(stop);
      if (tag < 0 || !this.#field(shape, tag >>> 3, tag & 7, stop, depth + 1)) return false;
    }
    return this.#at === stop;
  }

  #field(shape: MessageShape, number: number, wire: number, end: number, depth: number): boolean {
    const field = shape.byNumber[number];
    if (field === undefined) return this.#skip(number, wire, end, depth);
    if (field.wire !== wire) {
      return field.isPackable && wire === 2 ? this.#packed(field.wire, end) : this.#skip(number, wire, end, depth);
    }
    if (field.message !== undefined) return this.#message(field.message, end, depth);
    if (!this.#skip(number, wire, end, depth)) return false;
    return !field.isText || this.#isText(this.#at - this.#length, this.#at);
  }

  #packed(wire: number, end: number): boolean {
    const length = this.#varint(end);
    if (length < 0 || length > end - this.#at) return false;
    const stop = this.#at + length;
    while (this.#at < stop) if (!this.#skip(1, wire, stop, 0)) return false;
    return true;
  }

  /** Passes over one value; leaves the length of a length-delimited one in #length. */
  #skip(number: number, wire: number, end: number, depth: number): boolean {
    switch (wire) {
      case 0:
        return this.#varint(end) >= 0;
      case 1:
        this.#at += 8;
        return this.#at <= end;
      case 2: {
        const length = this.#varint(end);
        if (length < 0 || length > end - this.#at) return false;
        this.#at += length;
        this.#length = length;
        return true;
      }
      case 3:
        return depth <= MAX_DEPTH && this.#group(number, end, depth + 1);
      case 5:
        this.#at += 4;
        return this.#at <= end;
      default:
        return false;
    }
  }

  #group(number: number, end: number, depth: number): boolean {
    while (this.#at < end) {
      const tag = this.#tag(end);
      if (tag < 0) return false;
      if ((tag & 7) === 4) return tag >>> 3 === number;
      if (!this.#skip(tag >>> 3, tag & 7, end, depth)) return false;
    }
    return false;
  }

  /** A field's number and wire type, or -1. */
  #tag(end: number): number {
    const tag = this.#varint(end);
    return tag < 8 || tag > MAX_FIELD_NUMBER * 8 + 7 ? -1 : tag;
  }

  /** A varint as a double: exact below 2^53, else only its size matters. -1 when it doesn't end or overflows 64 bits. */
  #varint(end: number): number {
    const bytes = this.#bytes;
    let at = this.#at;
    if (at >= end) return -1;
    let byte = bytes[at++]!;
    if (byte < 0x80) {
      this.#at = at;
      return byte;
    }
    let value = byte & 0x7f;
    let scale = 128;
    for (let count = 1; count < 10; count++) {
      if (at >= end) return -1;
      byte = bytes[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (count === 9 && byte > 1) return -1;
        this.#at = at;
        return value;
      }
      scale *= 128;
    }
    return -1;
  }

  #isText(start: number, end: number): boolean {
    const bytes = this.#bytes;
    for (let at = start; at < end; at++) {
      if (bytes[at]! >= 0x80) return isUtf8(bytes.subarray(at, end));
    }
    return true;
  }
}

/** The vin field to put behind a payload: of repeated fields protobuf keeps the last, so appending overwrites. */
export function vinField(shape: TopicShape, vin: string): Buffer {
  const text = Buffer.from(vin);
  return Buffer.concat([Buffer.from([(shape.vinField << 3) | 2, text.length]), text]);
}

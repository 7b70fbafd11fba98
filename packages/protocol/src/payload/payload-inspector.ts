// Validates a record's protobuf payload in one pass over the wire format without building objects, and extracts the fields
// that ingest needs. Rejects what the Go server rejects (docs/protocol/vehicle.md#processing), by Go's protobuf rules: a
// known field with another wire type counts as unknown, text is UTF-8, field numbers are 1 to 2^29-1, groups are closed,
// varints end within ten bytes and fit 64 bits.
import { isUtf8 } from 'node:buffer';
import { MESSAGE, type MessageShape, OPAQUE, PACKED, TEXT, type TopicShape } from '../messages/index.js';

const MAX_FIELD_NUMBER = 0x1fffffff;
// Go's limit is 10,000; real records nest four levels deep.
const MAX_DEPTH = 100;

/** The fields that ingest needs of a payload. */
export interface PayloadFacts {
  isValid: boolean;
  /** created_at in epoch milliseconds; 0 if absent. */
  createdMs: number;
  isResend: boolean;
  /** Start and end of the last vin field's text in the bytes; both 0 if absent. */
  vinStart: number;
  vinEnd: number;
}

/**
 * Inspects one payload at a time; not reentrant. Every call returns the same object, to avoid an allocation per record.
 */
export class PayloadInspector {
  readonly #facts: PayloadFacts = { isValid: false, createdMs: 0, isResend: false, vinStart: 0, vinEnd: 0 };

  inspect(shape: TopicShape, bytes: Buffer, start: number, end: number): Readonly<PayloadFacts> {
    const facts = this.#facts;
    facts.createdMs = 0;
    facts.isResend = false;
    facts.vinStart = 0;
    facts.vinEnd = 0;
    facts.isValid = walkMessage(shape.message, bytes, start, end, 1) === end;
    if (facts.isValid) readFacts(shape, bytes, start, end, facts);
    return facts;
  }
}

// Each function reads at a position and returns the position after it, or BROKEN. Reading a varint has two results: its
// end is stored in `varintEnd`.
const BROKEN = -1;
let varintEnd = 0;

/** Hot path: reads the common cases (numbers of one byte, doubles, nested messages) without a call. */
function walkMessage(shape: MessageShape, bytes: Buffer, start: number, end: number, depth: number): number {
  if (depth > MAX_DEPTH) return BROKEN;
  const { contents } = shape;
  let at = start;
  while (at < end) {
    let tag = bytes[at++]!;
    if (tag < 8 || tag >= 0x80) {
      tag = readTag(bytes, at - 1, end);
      if (tag < 0) return BROKEN;
      at = varintEnd;
    }
    const wire = tag & 7;
    const number = tag >>> 3;
    if (wire === 1) {
      at += 8;
      if (at > end) return BROKEN;
    } else if (wire === 2) {
      if (at >= end) return BROKEN;
      let length = bytes[at++]!;
      if (length >= 0x80) {
        length = readVarint(bytes, at - 1, end);
        if (length < 0) return BROKEN;
        at = varintEnd;
      }
      if (length > end - at) return BROKEN;
      const content = number < contents.length ? contents[number]! : OPAQUE;
      const stop = at + length;
      if (content === MESSAGE) {
        if (walkMessage(shape.children[number]!, bytes, at, stop, depth + 1) < 0) return BROKEN;
      } else if (content === TEXT) {
        if (!isText(bytes, at, stop)) return BROKEN;
      } else if (content !== OPAQUE && walkPacked(content - PACKED, bytes, at, stop) < 0) {
        return BROKEN;
      }
      at = stop;
    } else {
      at = skip(number, wire, bytes, at, end, depth);
      if (at < 0) return BROKEN;
    }
  }
  return at;
}

/** The payload is valid. The last of repeated fields wins. */
function readFacts(shape: TopicShape, bytes: Buffer, start: number, end: number, facts: PayloadFacts): void {
  const { createdAtField, isResendField, vinField } = shape;
  let at = start;
  while (at < end) {
    let tag = bytes[at++]!;
    if (tag >= 0x80) {
      tag = readTag(bytes, at - 1, end);
      at = varintEnd;
    }
    const number = tag >>> 3;
    if ((tag & 7) !== 2) {
      if ((tag & 7) === 0 && number === isResendField) facts.isResend = readVarint(bytes, at, end) !== 0;
      at = skip(number, tag & 7, bytes, at, end, 1);
      continue;
    }
    let length = bytes[at++]!;
    if (length >= 0x80) {
      length = readVarint(bytes, at - 1, end);
      at = varintEnd;
    }
    const stop = at + length;
    if (number === vinField) {
      facts.vinStart = at;
      facts.vinEnd = stop;
    } else if (number === createdAtField) {
      readTimestamp(bytes, at, stop, facts);
    }
    at = stop;
  }
}

/** created_at: seconds (1) and nanos (2). A second created_at is merged into the first. */
function readTimestamp(bytes: Buffer, start: number, end: number, facts: PayloadFacts): void {
  let at = start;
  let seconds = Math.floor(facts.createdMs / 1000);
  let nanos = (facts.createdMs % 1000) * 1e6;
  while (at < end) {
    const tag = readTag(bytes, at, end);
    at = varintEnd;
    if ((tag & 7) !== 0) {
      at = skip(tag >>> 3, tag & 7, bytes, at, end, 1);
      continue;
    }
    const value = readVarint(bytes, at, end);
    at = varintEnd;
    if (tag === 8) seconds = value;
    else if (tag === 16) nanos = value;
  }
  // negative numbers (ten bytes on the wire) are read as numbers beyond a double's integers
  const isPlausible = seconds <= 253_402_300_799 && nanos < 1e9;
  facts.createdMs = isPlausible ? seconds * 1000 + Math.floor(nanos / 1e6) : 0;
}

function walkPacked(wire: number, bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at >= 0 && at < end) at = skip(1, wire, bytes, at, end, 0);
  return at;
}

/** Skips one value. */
function skip(number: number, wire: number, bytes: Buffer, at: number, end: number, depth: number): number {
  switch (wire) {
    case 0:
      if (at < end && bytes[at]! < 0x80) return at + 1;
      return readVarint(bytes, at, end) < 0 ? BROKEN : varintEnd;
    case 1:
      return at + 8 <= end ? at + 8 : BROKEN;
    case 2: {
      let length = at < end ? bytes[at]! : 0x80;
      let start = at + 1;
      if (length >= 0x80) {
        length = readVarint(bytes, at, end);
        if (length < 0) return BROKEN;
        start = varintEnd;
      }
      return length <= end - start ? start + length : BROKEN;
    }
    case 3:
      return depth <= MAX_DEPTH ? skipGroup(number, bytes, at, end, depth + 1) : BROKEN;
    case 5:
      return at + 4 <= end ? at + 4 : BROKEN;
    default:
      return BROKEN;
  }
}

function skipGroup(number: number, bytes: Buffer, start: number, end: number, depth: number): number {
  let at = start;
  while (at >= 0 && at < end) {
    const tag = readTag(bytes, at, end);
    if (tag < 0) return BROKEN;
    if ((tag & 7) === 4) return tag >>> 3 === number ? varintEnd : BROKEN;
    at = skip(tag >>> 3, tag & 7, bytes, varintEnd, end, depth);
  }
  return BROKEN;
}

/** A field's number and wire type, or BROKEN. */
function readTag(bytes: Buffer, at: number, end: number): number {
  const tag = readVarint(bytes, at, end);
  return tag < 8 || tag > MAX_FIELD_NUMBER * 8 + 7 ? BROKEN : tag;
}

/** A varint as a double, exact below 2^53. BROKEN if it does not end or exceeds 64 bits. */
function readVarint(bytes: Buffer, start: number, end: number): number {
  let at = start;
  // four bytes fit 32-bit arithmetic
  let value = 0;
  for (let shift = 0; shift < 28 && at < end; shift += 7) {
    const byte = bytes[at++]!;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      varintEnd = at;
      return value;
    }
  }
  let scale = 2 ** 28;
  for (let count = 4; count < 10; count++) {
    if (at >= end) return BROKEN;
    const byte = bytes[at++]!;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      if (count === 9 && byte > 1) return BROKEN;
      varintEnd = at;
      return value;
    }
    scale *= 128;
  }
  return BROKEN;
}

function isText(bytes: Buffer, start: number, end: number): boolean {
  // nearly all text is ASCII: one check of all bits combined
  let bits = 0;
  for (let at = start; at < end; at++) bits |= bytes[at]!;
  return bits < 0x80 || isUtf8(bytes.subarray(start, end));
}

/** The vin field to append to a payload. Protobuf keeps the last of repeated fields, so appending overwrites. */
export function vinField(shape: TopicShape, vin: string): Buffer {
  const text = Buffer.from(vin);
  return Buffer.concat([Buffer.from([(shape.vinField << 3) | 2, text.length]), text]);
}

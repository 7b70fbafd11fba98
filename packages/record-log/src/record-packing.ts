// Packs the records of one script call into one binary argument, as scripts/append-records.ts unpacks it: a kind, the
// record's hash, then each field with its length. Copying at once frees the socket's buffer that a payload lies in.

/**
 * possible_repeat: look whether it was stored before. possible_repeat_dated: the same for a record whose `createdMs` is
 * its own and not the time of receipt, so that a repeat has the same: one that is newer than all that is stored is none,
 * which spares the look. connect_anew: our connection again, unless the vehicle has
 * another one by now.
 */
export type RecordKind =
  | 'record'
  | 'possible_repeat'
  | 'possible_repeat_dated'
  | 'connect'
  | 'disconnect'
  | 'connect_anew';

const KIND: Record<RecordKind, number> = {
  record: 0,
  possible_repeat: 1,
  connect: 2,
  disconnect: 3,
  connect_anew: 4,
  possible_repeat_dated: 5,
};
/** Added to the kind. */
const CLOCK_AHEAD = 8;
export const MAX_RECORDS_PER_CALL = 256;
export const MAX_BYTES_PER_CALL = 1_000_000;
const FIRST_SIZE = 16_384;

export interface RecordToAppend {
  kind: RecordKind;
  /** At most 64 characters, ASCII. */
  vin: string;
  /** At most 255 bytes. */
  topic: string;
  /** At most 65,535 bytes. Of a connect or disconnect: the connection's id. The whole buffer, or a part of it. */
  txid: Buffer;
  txidStart?: number;
  txidEnd?: number;
  /** Epoch milliseconds. */
  createdMs: number;
  /** `createdMs` is the time of receipt, since the record's own lies too far ahead of it; sent again it may not. */
  isClockAhead?: boolean;
  receivedMs: number;
  /** The vehicle's client version, at most 255 bytes; longer is cut. */
  version: string;
  /** Of a connect: how the vehicle is connected (wifi, cellular). */
  networkInterface?: string;
  /** Protobuf bytes, and what is put behind them (the certificate's VIN as a field). */
  payload: Buffer;
  payloadStart?: number;
  payloadEnd?: number;
  payloadSuffix?: Buffer | undefined;
}

/** A growing argument for one call. */
export class PackedRecords {
  #bytes = Buffer.allocUnsafeSlow(FIRST_SIZE);
  #length = 0;
  count = 0;

  get length(): number {
    return this.#length;
  }

  get isFull(): boolean {
    return this.count >= MAX_RECORDS_PER_CALL || this.#length >= MAX_BYTES_PER_CALL;
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Empty again, in the same memory: a call's worth of it is too much to leave to the garbage collector. */
  clear(): void {
    this.#length = 0;
    this.count = 0;
  }

  add(record: RecordToAppend): void {
    const {
      txid,
      txidStart = 0,
      txidEnd = txid.length,
      payload,
      payloadStart = 0,
      payloadEnd = payload.length,
    } = record;
    const suffixBytes = record.payloadSuffix?.length ?? 0;
    const txidBytes = txidEnd - txidStart;
    const payloadBytes = payloadEnd - payloadStart + suffixBytes;
    this.#reserve(payloadBytes + txidBytes + 2_048);
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at] = record.isClockAhead ? KIND[record.kind] + CLOCK_AHEAD : KIND[record.kind];
    // the same connection may connect anew: its id does not name this change, a random hash does
    if (isConnectivity(record.kind)) writeRandomHash(bytes, at + 1);
    else writeRecordHash(record.topic, txid, txidStart, txidEnd, bytes, at + 1);
    at = writeText(bytes, at + 9, record.vin);
    at = writeText(bytes, at, record.topic);
    bytes[at] = txidBytes;
    bytes[at + 1] = txidBytes >>> 8;
    at = copyShort(txid, txidStart, txidEnd, bytes, at + 2);
    at = writeNumber(bytes, at, record.createdMs);
    at = writeNumber(bytes, at, record.receivedMs);
    at = writeText(bytes, at, record.version);
    at = writeText(bytes, at, record.networkInterface ?? '');
    at = bytes.writeUInt32LE(payloadBytes, at);
    at += payload.copy(bytes, at, payloadStart, payloadEnd);
    if (record.payloadSuffix) at += record.payloadSuffix.copy(bytes, at);
    this.#length = at;
    this.count++;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

function isConnectivity(kind: RecordKind): boolean {
  return kind === 'connect' || kind === 'disconnect' || kind === 'connect_anew';
}

/**
 * A text of at most 255 bytes behind its length in one byte. Nearly all of them are short and ASCII: a loop is then
 * quicker than a call out of JavaScript.
 */
function writeText(target: Buffer, at: number, text: string): number {
  const { length } = text;
  if (length > 64) return writeLongText(target, at, text);
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index);
    if (code > 0x7f) return writeLongText(target, at, text);
    target[at + 1 + index] = code;
  }
  target[at] = length;
  return at + 1 + length;
}

/** A whole number as decimal text: epoch milliseconds are thirteen digits, more than fits 32-bit arithmetic. */
function writeNumber(target: Buffer, at: number, value: number): number {
  if (value < 1e12 || value >= 1e13) return writeText(target, at, String(value));
  target[at] = 13;
  let high = Math.floor(value / 1e7);
  let low = value - high * 1e7;
  for (let to = at + 13; to > at + 6; to--) {
    const rest = (low / 10) | 0;
    target[to] = 48 + low - rest * 10;
    low = rest;
  }
  for (let to = at + 6; to > at; to--) {
    const rest = (high / 10) | 0;
    target[to] = 48 + high - rest * 10;
    high = rest;
  }
  return at + 14;
}

function writeLongText(target: Buffer, at: number, text: string): number {
  const written = target.write(text, at + 1, 255);
  target[at] = written;
  return at + 1 + written;
}

function copyShort(source: Buffer, start: number, end: number, target: Buffer, at: number): number {
  if (end - start > 100) return at + source.copy(target, at, start, end);
  for (let from = start; from < end; from++) target[at++] = source[from]!;
  return at;
}

/**
 * 64 bits that stand for (topic, txid) of one VIN; two 32-bit lanes mixed into each other. Among the 2,048 records
 * that a ring holds at most, two share it with a chance of 1 in 10^13. An empty txid names no record: it gets
 * a random hash, which makes our own repetition of the call recognisable and nothing else.
 */
export function writeRecordHash(
  topic: string,
  txid: Buffer,
  start: number,
  end: number,
  target: Buffer,
  at: number,
): void {
  if (start === end) {
    writeRandomHash(target, at);
    return;
  }
  let a = 0xdeadbeef ^ (end - start);
  let b = 0x41c6ce57 ^ topic.length;
  for (let index = 0; index < topic.length; index++) {
    const code = topic.charCodeAt(index);
    a = Math.imul(a ^ code, 2654435761);
    b = Math.imul(b ^ code, 1597334677);
  }
  for (let index = start; index < end; index++) {
    const byte = txid[index]!;
    a = Math.imul(a ^ byte, 2654435761);
    b = Math.imul(b ^ byte, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  target.writeUInt32LE(a >>> 0, at);
  target.writeUInt32LE(b >>> 0, at + 4);
}

function writeRandomHash(target: Buffer, at: number): void {
  target.writeUInt32LE((Math.random() * 0x1_0000_0000) >>> 0, at);
  target.writeUInt32LE((Math.random() * 0x1_0000_0000) >>> 0, at + 4);
}

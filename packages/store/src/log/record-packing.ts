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
  /** Vin, topic, version and network interface as packed, where the caller keeps them: see `packHead`. */
  head?: PackedHead | undefined;
}

/** What is the same in all records of one sender and topic. */
export interface PackedHead {
  /** VIN and topic, each behind its length. */
  front: Buffer;
  topicStart: number;
  /** Version and network interface, each behind its length. */
  back: Buffer;
}

/** Packed once for a sender and a topic instead of once a record. */
export function packHead({
  vin,
  topic,
  version,
  networkInterface = '',
}: Pick<RecordToAppend, 'vin' | 'topic' | 'version' | 'networkInterface'>): PackedHead {
  const vinText = packText(vin);
  return {
    front: Buffer.concat([vinText, packText(topic)]),
    topicStart: vinText.length + 1,
    back: Buffer.concat([packText(version), packText(networkInterface)]),
  };
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
    const head = record.head ?? packHead(record);
    const suffixBytes = record.payloadSuffix?.length ?? 0;
    const txidBytes = txidEnd - txidStart;
    const payloadBytes = payloadEnd - payloadStart + suffixBytes;
    this.#reserve(payloadBytes + txidBytes + 2_048);
    const bytes = this.#bytes;
    let at = this.#length;
    const kind = numberOf(record.kind);
    bytes[at] = record.isClockAhead ? kind + CLOCK_AHEAD : kind;
    // the same connection may connect anew: its id does not name this change, a random hash does
    if (isConnectivity(record.kind) || txidBytes === 0) writeRandomHash(bytes, at + 1);
    else writeHash(head, txid, txidStart, txidEnd, bytes, at + 1);
    at = copyShort(head.front, 0, head.front.length, bytes, at + 9);
    bytes[at] = txidBytes;
    bytes[at + 1] = txidBytes >>> 8;
    at = copyShort(txid, txidStart, txidEnd, bytes, at + 2);
    at = writeNumber(bytes, at, record.createdMs);
    at = writeNumber(bytes, at, record.receivedMs);
    at = copyShort(head.back, 0, head.back.length, bytes, at);
    writeUint32(bytes, at, payloadBytes);
    at += 4;
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

function numberOf(kind: RecordKind): number {
  switch (kind) {
    case 'record':
      return 0;
    case 'possible_repeat':
      return 1;
    case 'connect':
      return 2;
    case 'disconnect':
      return 3;
    case 'connect_anew':
      return 4;
    case 'possible_repeat_dated':
      return 5;
  }
}

/** A text behind its length in one byte; what is longer than 255 bytes is cut. */
function packText(text: string): Buffer {
  const bytes = Buffer.alloc(256);
  const length = bytes.write(text, 1);
  bytes[0] = length;
  return bytes.subarray(0, 1 + length);
}

/** A whole number as decimal text: epoch milliseconds are thirteen digits, more than fits 32-bit arithmetic. */
function writeNumber(target: Buffer, at: number, value: number): number {
  if (value < 1e12 || value >= 1e13) return copyShort(packText(String(value)), 0, 1 + String(value).length, target, at);
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
function writeHash(head: PackedHead, txid: Buffer, start: number, end: number, target: Buffer, at: number): void {
  const { front, topicStart } = head;
  let a = 0xdeadbeef ^ (end - start);
  let b = 0x41c6ce57 ^ (front.length - topicStart);
  for (let index = topicStart; index < front.length; index++) {
    const byte = front[index]!;
    a = Math.imul(a ^ byte, 2654435761);
    b = Math.imul(b ^ byte, 1597334677);
  }
  for (let index = start; index < end; index++) {
    const byte = txid[index]!;
    a = Math.imul(a ^ byte, 2654435761);
    b = Math.imul(b ^ byte, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  writeUint32(target, at, a);
  writeUint32(target, at + 4, b);
}

function writeRandomHash(target: Buffer, at: number): void {
  writeUint32(target, at, Math.random() * 0x1_0000_0000);
  writeUint32(target, at + 4, Math.random() * 0x1_0000_0000);
}

// By hand: Node's own writers are calls, and check what is known to fit.
function writeUint32(target: Buffer, at: number, value: number): void {
  target[at] = value;
  target[at + 1] = value >>> 8;
  target[at + 2] = value >>> 16;
  target[at + 3] = value >>> 24;
}

// Packs the records of one script call into one binary argument, which scripts/append-records.ts unpacks: the kind, the
// hash of the record, then each field after its length. Copying early releases the buffer of the socket.

/**
 * possible_repeat: check whether it was stored before. possible_repeat_dated: the same for a record whose `createdMs`
 * comes from the vehicle, so that a repeat has the same time: a record newer than all stored ones can't be a repeat and
 * skips the check. reconnect: the connection of this process again, unless the vehicle has another one by now.
 */
export type RecordKind =
  | 'record'
  | 'possible_repeat'
  | 'possible_repeat_dated'
  | 'connect'
  | 'disconnect'
  | 'reconnect';

export const MAX_RECORDS_PER_CALL = 256;
export const MAX_BYTES_PER_CALL = 1_000_000;
const FIRST_SIZE = 16_384;

export interface RecordToAppend {
  kind: RecordKind;
  /** At most 64 characters, ASCII. */
  vin: string;
  /** At most 255 bytes. */
  topic: string;
  /** At most 65,535 bytes; for a connect or disconnect the id of the connection. The whole buffer, or a part of it. */
  txid: Buffer;
  txidStart?: number;
  txidEnd?: number;
  /** Epoch milliseconds, as the vehicle claims: the script that appends the record handles a time in the future. */
  createdMs: number;
  receivedMs: number;
  /** Client version of the vehicle, truncated to 255 bytes. */
  version: string;
  /** For a connect: how the vehicle is connected (wifi, cellular). */
  networkInterface?: string;
  /** Protobuf bytes, and bytes to append to them (the VIN of the certificate as a field). */
  payload: Buffer;
  payloadStart?: number;
  payloadEnd?: number;
  payloadSuffix?: Buffer | undefined;
  /** VIN, topic, version and network interface in packed form, when the caller caches them (`packHead`). */
  head?: PackedHead | undefined;
}

/** The fields that all records of one sender and topic share. */
export interface PackedHead {
  /** VIN and topic, each after its length. */
  front: Buffer;
  topicStart: number;
  /** Version and network interface, each after its length. */
  back: Buffer;
}

/** Packed once per sender and topic instead of once per record. */
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

/** The growing argument of one call. */
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

  /** Empties it and keeps its memory, which is too much per call for the garbage collector. */
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
    bytes[at] = numberOf(record.kind);
    // A connection may reconnect: its id does not identify this change, a random hash does.
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
  return kind === 'connect' || kind === 'disconnect' || kind === 'reconnect';
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
    case 'reconnect':
      return 4;
    case 'possible_repeat_dated':
      return 5;
  }
}

/** A text after its length in one byte, truncated to 255 bytes. */
function packText(text: string): Buffer {
  const bytes = Buffer.alloc(256);
  const length = bytes.write(text, 1);
  bytes[0] = length;
  return bytes.subarray(0, 1 + length);
}

/** An integer as decimal text. Epoch milliseconds have thirteen digits, too many for 32-bit arithmetic. */
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
 * A 64-bit hash of (topic, txid) of one VIN: two 32-bit lanes mixed into each other. Among the at most 2,048 records of
 * a ring two collide with a probability of 1 in 10^13. An empty txid identifies no record and gets a random hash, by
 * which only a repetition of the same call is recognized.
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

// Faster than the writers of Node, which check the bounds.
function writeUint32(target: Buffer, at: number, value: number): void {
  target[at] = value;
  target[at + 1] = value >>> 8;
  target[at + 2] = value >>> 16;
  target[at + 3] = value >>> 24;
}

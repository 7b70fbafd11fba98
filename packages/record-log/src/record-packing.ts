// Packs the records of one script call into one binary argument, as scripts/append-records.ts unpacks it: a kind, the
// record's hash, then each field with its length. Copying at once frees the socket's buffer that a payload lies in.

/**
 * possible_repeat: look whether it was stored before. connect_anew: our connection again, unless the vehicle has
 * another one by now.
 */
export type RecordKind = 'record' | 'possible_repeat' | 'connect' | 'disconnect' | 'connect_anew';

const KIND: Record<RecordKind, number> = { record: 0, possible_repeat: 1, connect: 2, disconnect: 3, connect_anew: 4 };
export const MAX_RECORDS_PER_CALL = 256;
export const MAX_BYTES_PER_CALL = 1_000_000;
const FIRST_SIZE = 16_384;

export interface RecordToAppend {
  kind: RecordKind;
  /** At most 64 characters, ASCII. */
  vin: string;
  /** At most 255 bytes. */
  topic: string;
  /** At most 65,535 bytes. Of a connect or disconnect: the connection's id. */
  txid: Buffer;
  /** Epoch milliseconds. */
  createdMs: number;
  receivedMs: number;
  /** The vehicle's client version, at most 255 bytes; longer is cut. */
  version: string;
  /** Of a connect: how the vehicle is connected (wifi, cellular). */
  networkInterface?: string;
  /** Protobuf bytes, and what is put behind them (the certificate's VIN as a field). */
  payload: Buffer;
  payloadSuffix?: Buffer;
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

  add(record: RecordToAppend): void {
    const suffixBytes = record.payloadSuffix?.length ?? 0;
    this.#reserve(record.payload.length + suffixBytes + record.txid.length + 2_048);
    const start = this.#length;
    this.#bytes[start] = KIND[record.kind];
    // the same connection may connect anew: its id does not name this change, a random hash does
    if (KIND[record.kind] >= KIND.connect) writeRandomHash(this.#bytes, start + 1);
    else writeRecordHash(record, this.#bytes, start + 1);
    this.#length = start + 9;
    this.#short(record.vin);
    this.#short(record.topic);
    this.#length = this.#bytes.writeUInt16LE(record.txid.length, this.#length);
    this.#length += record.txid.copy(this.#bytes, this.#length);
    this.#short(String(record.createdMs));
    this.#short(String(record.receivedMs));
    this.#short(record.version);
    this.#short(record.networkInterface ?? '');
    this.#length = this.#bytes.writeUInt32LE(record.payload.length + suffixBytes, this.#length);
    this.#length += record.payload.copy(this.#bytes, this.#length);
    if (record.payloadSuffix) this.#length += record.payloadSuffix.copy(this.#bytes, this.#length);
    this.count++;
  }

  /** A text of at most 255 bytes behind its length in one byte. */
  #short(text: string): void {
    const written = this.#bytes.write(text, this.#length + 1, 255);
    this.#bytes[this.#length] = written;
    this.#length += 1 + written;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

/**
 * 64 bits that stand for (topic, txid) of one VIN; two 32-bit lanes mixed into each other. Among the 2,048 records
 * that a ring holds at most, two differ in it but for a chance of 1 in 10^13. An empty txid names no record: it gets
 * a random hash, which makes our own repetition of the call recognisable and nothing else.
 */
export function writeRecordHash({ topic, txid }: { topic: string; txid: Buffer }, target: Buffer, at: number): void {
  if (txid.length === 0) {
    writeRandomHash(target, at);
    return;
  }
  let a = 0xdeadbeef ^ txid.length;
  let b = 0x41c6ce57 ^ topic.length;
  for (let index = 0; index < topic.length; index++) {
    const code = topic.charCodeAt(index);
    a = Math.imul(a ^ code, 2654435761);
    b = Math.imul(b ^ code, 1597334677);
  }
  for (let index = 0; index < txid.length; index++) {
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

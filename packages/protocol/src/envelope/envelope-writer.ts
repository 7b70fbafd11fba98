// Writes envelopes: a record as a vehicle sends it, and a server's two answers (docs/protocol/vehicle.md#acks). Layout:
// proto/envelope.fbs. Every stored record needs an ack, so acks have an optimized path.
import { STREAM, STREAM_ACK } from './envelope-reader.js';

// The same in every message: root offset, the envelope's vtable, then the envelope's table with its five fields.
const VTABLE_AT = 4;
const TABLE_AT = 20;
const FIELD = {
  txid: TABLE_AT + 4,
  topic: TABLE_AT + 8,
  message: TABLE_AT + 12,
  messageId: TABLE_AT + 16,
  messageType: TABLE_AT + 20,
};
const MESSAGE_AT = 44;

const ACK_PREFIX = ackPrefix();
const INCORRECT_FORMAT = Buffer.from('incorrect message format');
const EMPTY = Buffer.alloc(0);

/**
 * The acknowledgement, after which a vehicle deletes the record: type StreamAck, `txid` and `topic` copied from `source`
 * between the given offsets, an empty message_id.
 */
export function buildAck(
  source: Buffer,
  txidStart: number,
  txidEnd: number,
  topicStart: number,
  topicEnd: number,
): Buffer {
  const ack = Buffer.allocUnsafe(ackSize(txidEnd - txidStart, topicEnd - topicStart));
  writeAck(ack, 0, source, txidStart, txidEnd, topicStart, topicEnd);
  return ack;
}

/** Bytes of an ack, for `writeAck`. */
export function ackSize(txidBytes: number, topicBytes: number): number {
  return ACK_PREFIX.length + vectorSize(txidBytes) + vectorSize(topicBytes) + 4;
}

/** Writes an ack at `at` without an allocation, since every stored record needs one. */
export function writeAck(
  target: Buffer,
  at: number,
  source: Buffer,
  txidStart: number,
  txidEnd: number,
  topicStart: number,
  topicEnd: number,
): void {
  const txidBytes = txidEnd - txidStart;
  const topicBytes = topicEnd - topicStart;
  const txidAt = at + ACK_PREFIX.length;
  const topicAt = txidAt + vectorSize(txidBytes);
  const messageIdAt = topicAt + vectorSize(topicBytes);
  target.set(ACK_PREFIX, at);
  writeUint32(target, at + FIELD.txid, txidAt - (at + FIELD.txid));
  writeUint32(target, at + FIELD.topic, topicAt - (at + FIELD.topic));
  writeUint32(target, at + FIELD.messageId, messageIdAt - (at + FIELD.messageId));
  writeVector(target, txidAt, source, txidStart, txidEnd);
  writeVector(target, topicAt, source, topicStart, topicEnd);
  writeUint32(target, messageIdAt, 0);
}

/** The answer to an unreadable message: a record with a fixed text as payload. */
export function buildErrorAnswer(txid: Buffer = EMPTY): Buffer {
  return writeRecordEnvelope({ txid, topic: '', payload: INCORRECT_FORMAT });
}

export interface RecordEnvelope {
  txid: Buffer | string;
  topic: string;
  payload: Uint8Array;
  /** `<client type>.<device id>`. Absent if undefined, as the two fields below. */
  senderId?: string | undefined;
  deviceType?: string | undefined;
  deviceId?: string | undefined;
  /** Epoch seconds. */
  createdAtSeconds?: number | undefined;
}

/** A record's envelope as a vehicle writes it. */
export function writeRecordEnvelope(record: RecordEnvelope): Buffer {
  const vectors = [record.senderId, record.payload, record.deviceType, record.deviceId].map(toBytes);
  // vtable of the Stream: sizes, then created_at and the four vectors; 14 bytes, padded to keep the table aligned
  const streamAt = MESSAGE_AT + 16;
  const prefix = envelopePrefix({ messageType: STREAM, size: streamAt + 24, messageTableAt: streamAt });
  prefix.writeUInt16LE(14, MESSAGE_AT);
  prefix.writeUInt16LE(24, MESSAGE_AT + 2);
  prefix.writeUInt16LE(4, MESSAGE_AT + 4);
  prefix.writeInt32LE(streamAt - MESSAGE_AT, streamAt);
  prefix.writeUInt32LE(record.createdAtSeconds ?? 0, streamAt + 4);

  const parts = [prefix];
  let end = prefix.length;
  const append = (bytes: Buffer, field: number) => {
    const vector = Buffer.alloc(vectorSize(bytes.length));
    vector.writeUInt32LE(bytes.length, 0);
    bytes.copy(vector, 4);
    pointTo(prefix, field, end);
    parts.push(vector);
    end += vector.length;
  };
  append(toBytes(record.txid)!, FIELD.txid);
  append(Buffer.from(record.topic), FIELD.topic);
  append(EMPTY, FIELD.messageId);
  for (const [index, bytes] of vectors.entries()) {
    if (bytes === undefined) continue;
    const offsetInTable = 8 + index * 4;
    prefix.writeUInt16LE(offsetInTable, MESSAGE_AT + 6 + index * 2);
    append(bytes, streamAt + offsetInTable);
  }
  return Buffer.concat(parts);
}

function ackPrefix(): Buffer {
  const ackAt = MESSAGE_AT + 4;
  const prefix = envelopePrefix({ messageType: STREAM_ACK, size: ackAt + 4, messageTableAt: ackAt });
  prefix.writeUInt16LE(4, MESSAGE_AT);
  prefix.writeUInt16LE(4, MESSAGE_AT + 2);
  prefix.writeInt32LE(ackAt - MESSAGE_AT, ackAt);
  return prefix;
}

function envelopePrefix(of: { messageType: number; size: number; messageTableAt: number }): Buffer {
  const prefix = Buffer.alloc(of.size);
  prefix.writeUInt32LE(TABLE_AT, 0);
  const tableBytes = MESSAGE_AT - TABLE_AT;
  const slots = [FIELD.txid, FIELD.topic, FIELD.messageType, FIELD.message, FIELD.messageId].map((at) => at - TABLE_AT);
  for (const [index, value] of [4 + slots.length * 2, tableBytes, ...slots].entries()) {
    prefix.writeUInt16LE(value, VTABLE_AT + index * 2);
  }
  prefix.writeInt32LE(TABLE_AT - VTABLE_AT, TABLE_AT);
  prefix[FIELD.messageType] = of.messageType;
  pointTo(prefix, FIELD.message, of.messageTableAt);
  return prefix;
}

/** Length, bytes and zeros up to the next multiple of four. A txid of 36 bytes is faster to copy in a loop. */
function writeVector(target: Buffer, at: number, source: Buffer, start: number, end: number): void {
  const length = end - start;
  writeUint32(target, at, length);
  let to = at + 4;
  if (length > 100) to += source.copy(target, to, start, end);
  else for (let from = start; from < end; from++) target[to++] = source[from]!;
  for (const stop = at + vectorSize(length); to < stop; to++) target[to] = 0;
}

function writeUint32(target: Buffer, at: number, value: number): void {
  target[at] = value;
  target[at + 1] = value >>> 8;
  target[at + 2] = value >>> 16;
  target[at + 3] = value >>> 24;
}

/** Bytes of a vector with its length, padded so that the next length is aligned. */
function vectorSize(bytes: number): number {
  return 4 + ((bytes + 3) & ~3);
}

/** FlatBuffers offsets are relative to the field that contains them. */
function pointTo(buffer: Buffer, field: number, target: number): void {
  buffer.writeUInt32LE(target - field, field);
}

function toBytes(value: Uint8Array | string | undefined): Buffer | undefined {
  if (value === undefined) return undefined;
  return typeof value === 'string' ? Buffer.from(value) : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

// Reads the FlatBuffers envelope of one WebSocket message in place, by checked offsets into the received bytes. The bytes
// come from the network: every offset is compared with the buffer's length before it is followed, so any input gives an
// Envelope or an EnvelopeError, and no byte outside of it is read. Layout: proto/envelope.fbs and
// docs/protocol/vehicle.md#envelope. A slot's number is its position in the vtable.

export const STREAM = 4;
export const STREAM_ACK = 5;
/** Larger messages are rejected unread. The Go server has the same limit. */
export const MAX_MESSAGE_BYTES = 1_000_000;

const EMPTY = Buffer.alloc(0);
const SLOT = { txid: 0, topic: 1, messageType: 2, message: 3 } as const;
const STREAM_SLOT = { createdAt: 0, senderId: 1, payload: 2, deviceType: 3, deviceId: 4 } as const;

export type EnvelopeErrorReason =
  | 'too_short'
  | 'root_out_of_bounds'
  | 'vtable_out_of_bounds'
  | 'field_out_of_bounds'
  | 'vector_out_of_bounds'
  | 'table_out_of_bounds'
  | 'message_absent';

/** Why a message is not an envelope, with its txid if that was readable (the error answer echoes it). */
export class EnvelopeError {
  readonly reason: EnvelopeErrorReason;
  /** Byte offset at which reading stopped. */
  readonly offset: number;
  readonly txid: Buffer;

  constructor(reason: EnvelopeErrorReason, offset: number, txid: Buffer) {
    this.reason = reason;
    this.offset = offset;
    this.txid = txid;
  }
}

/**
 * A readable envelope: offsets into `bytes`, and views on demand. An absent vector is empty. Only a message of type STREAM
 * has the fields of a record.
 */
export class Envelope {
  bytes: Buffer = EMPTY;
  /** Start and end of the message in `bytes`. */
  base = 0;
  end = 0;
  messageType = 0;
  txidStart = 0;
  txidEnd = 0;
  topicStart = 0;
  topicEnd = 0;
  /** Epoch seconds, 0 when absent. */
  createdAtSeconds = 0;
  senderStart = 0;
  senderEnd = 0;
  payloadStart = 0;
  payloadEnd = 0;
  deviceTypeStart = 0;
  deviceTypeEnd = 0;
  deviceIdStart = 0;
  deviceIdEnd = 0;

  get txid(): Buffer {
    return this.bytes.subarray(this.txidStart, this.txidEnd);
  }
  get topic(): string {
    return this.bytes.toString('latin1', this.topicStart, this.topicEnd);
  }
  get senderId(): string {
    return this.bytes.toString('latin1', this.senderStart, this.senderEnd);
  }
  get payload(): Buffer {
    return this.bytes.subarray(this.payloadStart, this.payloadEnd);
  }
  get deviceType(): string {
    return this.bytes.toString('latin1', this.deviceTypeStart, this.deviceTypeEnd);
  }
  get deviceId(): string {
    return this.bytes.toString('latin1', this.deviceIdStart, this.deviceIdEnd);
  }
}

/**
 * Reads the envelope in `bytes` between `base` and `end`, by default all of it. Never throws. The caller has checked
 * MAX_MESSAGE_BYTES, and may pass an `envelope` to reuse.
 */
export function readEnvelope(
  bytes: Buffer,
  envelope: Envelope = new Envelope(),
  base = 0,
  end = bytes.length,
): Envelope | EnvelopeError {
  envelope.bytes = bytes;
  envelope.base = base;
  envelope.end = end;
  envelope.txidStart = 0;
  envelope.txidEnd = 0;
  if (end - base < 8) return failed('too_short', end, envelope);

  const root = base + uint32(bytes, base);
  if (!holdsTable(envelope, root)) return failed('root_out_of_bounds', base, envelope);
  const vtable = vtableOf(envelope, root);
  if (vtable < 0) return failed('vtable_out_of_bounds', root, envelope);

  let start = vectorField(envelope, root, vtable, SLOT.txid);
  if (start < 0) return failed('vector_out_of_bounds', root, envelope);
  envelope.txidStart = start;
  envelope.txidEnd = start + vectorLength(envelope, start);

  start = vectorField(envelope, root, vtable, SLOT.topic);
  if (start < 0) return failed('vector_out_of_bounds', root, envelope);
  envelope.topicStart = start;
  envelope.topicEnd = start + vectorLength(envelope, start);

  const typeAt = fieldOf(envelope, root, vtable, SLOT.messageType);
  if (typeAt >= end) return failed('field_out_of_bounds', typeAt, envelope);
  envelope.messageType = typeAt === ABSENT ? 0 : bytes[typeAt]!;
  if (envelope.messageType === 0) return failed('message_absent', root, envelope);
  // other types have other messages
  if (envelope.messageType !== STREAM) return envelope;

  const messageAt = fieldOf(envelope, root, vtable, SLOT.message);
  if (messageAt === ABSENT) return failed('message_absent', root, envelope);
  if (messageAt + 4 > end) return failed('field_out_of_bounds', messageAt, envelope);
  const stream = messageAt + uint32(bytes, messageAt);
  if (!holdsTable(envelope, stream)) return failed('table_out_of_bounds', messageAt, envelope);
  return readStream(envelope, stream);
}

function readStream(envelope: Envelope, stream: number): Envelope | EnvelopeError {
  const { bytes, end } = envelope;
  const vtable = vtableOf(envelope, stream);
  if (vtable < 0) return failed('vtable_out_of_bounds', stream, envelope);

  const createdAt = fieldOf(envelope, stream, vtable, STREAM_SLOT.createdAt);
  if (createdAt + 4 > end) return failed('field_out_of_bounds', createdAt, envelope);
  envelope.createdAtSeconds = createdAt === ABSENT ? 0 : uint32(bytes, createdAt);

  let start = vectorField(envelope, stream, vtable, STREAM_SLOT.senderId);
  if (start < 0) return failed('vector_out_of_bounds', stream, envelope);
  envelope.senderStart = start;
  envelope.senderEnd = start + vectorLength(envelope, start);

  start = vectorField(envelope, stream, vtable, STREAM_SLOT.payload);
  if (start < 0) return failed('vector_out_of_bounds', stream, envelope);
  envelope.payloadStart = start;
  envelope.payloadEnd = start + vectorLength(envelope, start);

  start = vectorField(envelope, stream, vtable, STREAM_SLOT.deviceType);
  if (start < 0) return failed('vector_out_of_bounds', stream, envelope);
  envelope.deviceTypeStart = start;
  envelope.deviceTypeEnd = start + vectorLength(envelope, start);

  start = vectorField(envelope, stream, vtable, STREAM_SLOT.deviceId);
  if (start < 0) return failed('vector_out_of_bounds', stream, envelope);
  envelope.deviceIdStart = start;
  envelope.deviceIdEnd = start + vectorLength(envelope, start);
  return envelope;
}

function failed(reason: EnvelopeErrorReason, offset: number, envelope: Envelope): EnvelopeError {
  return new EnvelopeError(reason, offset - envelope.base, envelope.txid);
}

function holdsTable({ end }: Envelope, table: number): boolean {
  return table + 4 <= end;
}

/** Position of a table's vtable, or -1 if any part of it is outside of the message. */
function vtableOf({ bytes, base, end }: Envelope, table: number): number {
  const vtable = table - int32(bytes, table);
  if (vtable < base || vtable + 4 > end) return -1;
  return vtable + uint16(bytes, vtable) > end ? -1 : vtable;
}

const ABSENT = -1;

/** Absolute position of a field, or ABSENT. */
function fieldOf({ bytes }: Envelope, table: number, vtable: number, slot: number): number {
  const entry = 4 + slot * 2;
  if (entry + 2 > uint16(bytes, vtable)) return ABSENT;
  const offset = uint16(bytes, vtable + entry);
  return offset === 0 ? ABSENT : table + offset;
}

/** First byte of a vector field: 0 if absent, -1 if the vector is not inside the message. */
function vectorField(envelope: Envelope, table: number, vtable: number, slot: number): number {
  const { bytes, end } = envelope;
  const field = fieldOf(envelope, table, vtable, slot);
  if (field === ABSENT) return 0;
  if (field + 4 > end) return -1;
  const vector = field + uint32(bytes, field);
  if (vector + 4 > end) return -1;
  const start = vector + 4;
  return start + uint32(bytes, vector) > end ? -1 : start;
}

/** Length of a vector that vectorField accepted. */
function vectorLength({ bytes }: Envelope, start: number): number {
  return start === 0 ? 0 : uint32(bytes, start - 4);
}

// Node's own readers cost a call and repeat the bounds check; these offsets are inside the bytes.
function uint16(bytes: Buffer, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8);
}

function int32(bytes: Buffer, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

function uint32(bytes: Buffer, at: number): number {
  return int32(bytes, at) >>> 0;
}

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Envelope, readEnvelope, STREAM, STREAM_ACK } from './envelope-reader.js';
import { buildAck, buildErrorAnswer } from './envelope-writer.js';

describe('buildAck', () => {
  it('answers with type StreamAck, the txid and topic of the record, and an empty message_id', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), fc.uint8Array({ maxLength: 20 }), (txid, topic) => {
        const source = Buffer.concat([Buffer.from('..'), txid, topic, Buffer.from('..')]);
        const ack = buildAck(source, 2, 2 + txid.length, 2 + txid.length, 2 + txid.length + topic.length);
        const envelope = readEnvelope(ack) as Envelope;
        expect(envelope).toBeInstanceOf(Envelope);
        expect(envelope.messageType).toBe(STREAM_ACK);
        expect(envelope.txid.equals(txid)).toBe(true);
        expect(Buffer.from(envelope.topic, 'latin1').equals(topic)).toBe(true);
        expect(messageId(ack)).toEqual(Buffer.alloc(0));
      }),
    );
  });

  it('points the union at an empty table inside the message', () => {
    const ack = buildAck(Buffer.from('txidV'), 0, 4, 4, 5);
    const table = field(ack, 3) + ack.readUInt32LE(field(ack, 3));
    const vtable = table - ack.readInt32LE(table);
    expect([ack.readUInt16LE(vtable), ack.readUInt16LE(vtable + 2)]).toEqual([4, 4]);
  });
});

describe('buildErrorAnswer', () => {
  it('is a record with the fixed text, the txid and nothing else', () => {
    const envelope = readEnvelope(buildErrorAnswer(Buffer.from('txid-1'))) as Envelope;
    expect(envelope.messageType).toBe(STREAM);
    expect(envelope.txid.toString()).toBe('txid-1');
    expect(envelope.payload.toString()).toBe('incorrect message format');
    expect([
      envelope.topic,
      envelope.senderId,
      envelope.deviceType,
      envelope.deviceId,
      envelope.createdAtSeconds,
    ]).toEqual(['', '', '', '', 0]);
  });
});

/** Absolute position of the envelope's field in a slot, by FlatBuffers' rules instead of our constants. */
function field(bytes: Buffer, slot: number): number {
  const root = bytes.readUInt32LE(0);
  const vtable = root - bytes.readInt32LE(root);
  return root + bytes.readUInt16LE(vtable + 4 + slot * 2);
}

function messageId(bytes: Buffer): Buffer {
  const at = field(bytes, 4);
  const vector = at + bytes.readUInt32LE(at);
  return bytes.subarray(vector + 4, vector + 4 + bytes.readUInt32LE(vector));
}

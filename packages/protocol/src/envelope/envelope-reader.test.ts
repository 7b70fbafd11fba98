import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Envelope, EnvelopeError, readEnvelope, STREAM } from './envelope-reader.js';
import { writeRecordEnvelope } from './envelope-writer.js';

const record = {
  txid: '9f0c-0001',
  topic: 'V',
  payload: Buffer.from('0a0b', 'hex'),
  senderId: 'vehicle_device.5YJ3E1EA7KF000001',
  deviceType: 'vehicle_device',
  deviceId: '5YJ3E1EA7KF000001',
  createdAtSeconds: 1_784_000_000,
};
const valid = writeRecordEnvelope(record);

describe('readEnvelope', () => {
  it('reads what writeRecordEnvelope wrote, for any fields', () => {
    const bytes = fc.uint8Array({ maxLength: 80 });
    const text = fc.string({ maxLength: 40 }).filter((value) => /^[\x20-\x7e]*$/.test(value));
    fc.assert(
      fc.property(
        bytes,
        bytes,
        text,
        fc.option(text, { nil: undefined }),
        fc.nat(0xffffffff),
        (txid, payload, topic, senderId, createdAtSeconds) => {
          const envelope = readEnvelope(
            writeRecordEnvelope({ txid: Buffer.from(txid), payload, topic, senderId, createdAtSeconds }),
          ) as Envelope;
          expect(envelope).toBeInstanceOf(Envelope);
          expect(envelope.messageType).toBe(STREAM);
          expect(envelope.txid.equals(txid)).toBe(true);
          expect(envelope.payload.equals(payload)).toBe(true);
          expect(envelope.topic).toBe(topic);
          expect(envelope.senderId).toBe(senderId ?? '');
          expect(envelope.createdAtSeconds).toBe(createdAtSeconds);
        },
      ),
    );
  });

  it('gives a value or an error for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => staysInside(Buffer.from(bytes))),
      { numRuns: 5_000 },
    );
  });

  it('gives a value or an error for a valid envelope with any bytes changed, and never reads outside of it', () => {
    const change = fc.record({ at: fc.nat(valid.length - 1), byte: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), fc.nat(valid.length), (changes, length) => {
        const bytes = Buffer.from(valid);
        for (const { at, byte } of changes) bytes[at] = byte;
        staysInside(bytes);
        staysInside(bytes.subarray(0, length));
      }),
      { numRuns: 10_000 },
    );
  });

  it('reads a message between other bytes as it reads it alone, valid or not', () => {
    const change = fc.record({ at: fc.nat(valid.length - 1), byte: fc.nat(255) });
    const around = fc.uint8Array({ maxLength: 60 });
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 4 }),
        around,
        around,
        fc.nat(valid.length),
        (changes, before, after, n) => {
          const message = Buffer.from(valid.subarray(0, valid.length - (n % 40)));
          for (const { at, byte } of changes) if (at < message.length) message[at] = byte;
          const bytes = Buffer.concat([before, message, after]);
          const end = before.length + message.length;
          expect(contentOf(readEnvelope(bytes, new Envelope(), before.length, end))).toEqual(
            contentOf(readEnvelope(message)),
          );
        },
      ),
      { numRuns: 10_000 },
    );
  });

  it('rejects every truncation of a valid envelope', () => {
    // the last vector is the device id; its three bytes of padding are not needed
    for (let length = 0; length < valid.length - 3; length++) {
      expect(readEnvelope(valid.subarray(0, length)), `length ${length}`).toBeInstanceOf(EnvelopeError);
    }
  });

  it('keeps the txid of a message that is invalid after it, so that the answer can echo it', () => {
    const bytes = Buffer.from(valid);
    const messageField = 20 + 12;
    bytes.writeUInt32LE(0xfffffff0, messageField);
    const error = readEnvelope(bytes) as EnvelopeError;
    expect(error).toBeInstanceOf(EnvelopeError);
    expect(error.reason).toBe('table_out_of_bounds');
    expect(error.txid.toString()).toBe(record.txid);
  });
});

/** Reads in the middle of a larger buffer, so that a read outside returns guard bytes. */
function staysInside(bytes: Buffer): void {
  const guarded = Buffer.alloc(bytes.length + 2_048, 0x41);
  bytes.copy(guarded, 1_024);
  const inside = guarded.subarray(1_024, 1_024 + bytes.length);
  const result = readEnvelope(inside);
  if (result instanceof EnvelopeError) {
    expect(result.txid.length).toBeLessThanOrEqual(bytes.length);
    return;
  }
  for (const [start, end] of [
    [result.txidStart, result.txidEnd],
    [result.topicStart, result.topicEnd],
    [result.senderStart, result.senderEnd],
    [result.payloadStart, result.payloadEnd],
    [result.deviceTypeStart, result.deviceTypeEnd],
    [result.deviceIdStart, result.deviceIdEnd],
  ] as const) {
    expect(start).toBeGreaterThanOrEqual(0);
    expect(end).toBeGreaterThanOrEqual(start);
    expect(end).toBeLessThanOrEqual(bytes.length);
  }
}

/** Everything that was read, without offsets. */
function contentOf(read: Envelope | EnvelopeError): unknown {
  if (read instanceof EnvelopeError) return { ...read, txid: read.txid.toString('hex') };
  const { txid, topic, messageType, createdAtSeconds, senderId, payload, deviceType, deviceId } = read;
  const bytes = { txid: txid.toString('hex'), payload: payload.toString('hex') };
  return { ...bytes, topic, messageType, createdAtSeconds, senderId, deviceType, deviceId };
}

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
const good = writeRecordEnvelope(record);

describe('readEnvelope', () => {
  it('reads what writeRecordEnvelope wrote, whatever the fields hold', () => {
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

  it('gives a value or an error for a good envelope with any bytes changed, and never looks outside of it', () => {
    const change = fc.record({ at: fc.nat(good.length - 1), byte: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), fc.nat(good.length), (changes, length) => {
        const bytes = Buffer.from(good);
        for (const { at, byte } of changes) bytes[at] = byte;
        staysInside(bytes);
        staysInside(bytes.subarray(0, length));
      }),
      { numRuns: 10_000 },
    );
  });

  it('reads a message among other bytes as it reads it alone, whatever is wrong with it', () => {
    const change = fc.record({ at: fc.nat(good.length - 1), byte: fc.nat(255) });
    const around = fc.uint8Array({ maxLength: 60 });
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 4 }),
        around,
        around,
        fc.nat(good.length),
        (changes, before, after, n) => {
          const message = Buffer.from(good.subarray(0, good.length - (n % 40)));
          for (const { at, byte } of changes) if (at < message.length) message[at] = byte;
          const bytes = Buffer.concat([before, message, after]);
          const end = before.length + message.length;
          expect(told(readEnvelope(bytes, new Envelope(), before.length, end))).toEqual(told(readEnvelope(message)));
        },
      ),
      { numRuns: 10_000 },
    );
  });

  it('refuses every truncation of a good envelope', () => {
    // the last vector is the device id; cutting its three bytes of padding away harms nobody
    for (let length = 0; length < good.length - 3; length++) {
      expect(readEnvelope(good.subarray(0, length)), `length ${length}`).toBeInstanceOf(EnvelopeError);
    }
  });

  it('keeps the txid of a message that breaks later, so that the answer can name it', () => {
    const bytes = Buffer.from(good);
    const messageField = 20 + 12;
    bytes.writeUInt32LE(0xfffffff0, messageField);
    const error = readEnvelope(bytes) as EnvelopeError;
    expect(error).toBeInstanceOf(EnvelopeError);
    expect(error.reason).toBe('table_out_of_bounds');
    expect(error.txid.toString()).toBe(record.txid);
  });
});

/** Reads from the middle of a larger buffer: a read outside would see the guard bytes instead of failing. */
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

/** Everything that was read, wherever it lies. */
function told(read: Envelope | EnvelopeError): unknown {
  if (read instanceof EnvelopeError) return { ...read, txid: read.txid.toString('hex') };
  const { txid, topic, messageType, createdAtSeconds, senderId, payload, deviceType, deviceId } = read;
  const bytes = { txid: txid.toString('hex'), payload: payload.toString('hex') };
  return { ...bytes, topic, messageType, createdAtSeconds, senderId, deviceType, deviceId };
}

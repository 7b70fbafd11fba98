// The decisions without a socket. test/golden-vectors.test.ts checks the answers to the golden vectors.
import {
  decodeMessage,
  EnvelopeError,
  encodeMessage,
  type RecordEnvelope,
  readEnvelope,
  STREAM,
  STREAM_ACK,
  timestampOf,
  writeRecordEnvelope,
} from '@fleetbridge/protocol';
import type { RecordToAppend } from '@fleetbridge/store';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSender, type Decision, receive } from './receive.js';

const VIN = '5YJ3E1EA7KF000001';
const sender = createSender({ deviceId: VIN, senderId: `vehicle_device.${VIN}` }, '2026.20');
const RECEIVED_MS = Date.UTC(2026, 10, 24);
const facts = { receivedMs: RECEIVED_MS, repeats: 'unlikely' as const };

describe('receive', () => {
  it('appends a record unchanged when it names its own VIN', () => {
    const payload = encodeMessage('V', { vin: VIN, createdAt: timestampOf(RECEIVED_MS - 1_500) });
    const { record, isClockAhead } = appended(receive(envelope({ payload }), sender, facts));
    expect(isClockAhead).toBe(false);
    const { kind, vin, topic, createdMs, receivedMs, version } = record;
    expect({ kind, vin, topic, createdMs, receivedMs, version }).toEqual({
      kind: 'record',
      vin: VIN,
      topic: 'V',
      createdMs: RECEIVED_MS - 1_500,
      receivedMs: RECEIVED_MS,
      version: '2026.20',
    });
    expect(txidOf(record).toString()).toBe('tx');
    expect(storedPayload(record)).toEqual(payload);
  });

  it.each(['V', 'alerts', 'errors', 'connectivity'] as const)(
    "overrides the VIN in a payload of %s with the certificate's",
    (topic) => {
      const payload = encodeMessage(topic, { vin: 'SOMEBODY ELSE' });
      const { record } = appended(receive(envelope({ topic, payload }), sender, facts));
      expect(record.topic).toBe(topic);
      expect(decodeMessage(topic, storedPayload(record)).vin).toBe(VIN);
    },
  );

  it('marks a record as a possible repeat when it has is_resend or the vehicle has just connected', () => {
    const again = encodeMessage('V', { vin: VIN, isResend: true });
    expect(appended(receive(envelope({ payload: again }), sender, facts)).record.kind).toBe('possible_repeat');
    const dated = envelope({ payload: encodeMessage('V', { vin: VIN, createdAt: timestampOf(RECEIVED_MS) }) });
    const kindWhen = (bytes: Buffer, repeats: 'likely' | 'possible') =>
      appended(receive(bytes, sender, { ...facts, repeats })).record.kind;
    expect(kindWhen(dated, 'likely')).toBe('possible_repeat');
    expect(kindWhen(dated, 'possible')).toBe('possible_repeat_dated');
    // without its own time, a repeat would be stored with another time
    expect(kindWhen(envelope({}), 'possible')).toBe('possible_repeat');
    // the envelope's time may be the time of the resend
    expect(kindWhen(envelope({ createdAtSeconds: RECEIVED_MS / 1000 }), 'possible')).toBe('possible_repeat');
    const likely = receive(envelope({}), sender, { ...facts, repeats: 'likely' });
    expect(appended(likely).record.kind).toBe('possible_repeat');
    expect(appended(receive(envelope({}), sender, facts)).record.kind).toBe('record');
  });

  it("keeps the vehicle's time and reports that its clock is far ahead", () => {
    const payload = encodeMessage('V', { vin: VIN, createdAt: timestampOf(RECEIVED_MS + 61_000) });
    const { record, isClockAhead } = appended(receive(envelope({ payload }), sender, facts));
    expect({ createdMs: record.createdMs, isClockAhead }).toEqual({
      createdMs: RECEIVED_MS + 61_000,
      isClockAhead: true,
    });
    expect(appended(receive(envelope({}), sender, facts)).isClockAhead).toBe(false);
  });

  it.each([
    ['the sender id', `vehicle_device.${VIN}`, 'append'],
    ['the bare device id', VIN, 'append'],
    ['another client type', `das_device.${VIN}`, 'answer'],
    ['a longer id', `vehicle_device.${VIN}X`, 'answer'],
    ['no sender id', undefined, 'answer'],
  ])('with %s as the sender: %s is %s', (_, senderId, kind) => {
    expect(receive(envelope({ senderId }), sender, facts).kind).toBe(kind);
  });

  it('accepts a message of 1,000,000 bytes and refuses a larger one without reading it', () => {
    const atLimit = envelopeOfSize(1_000_000);
    expect(receive(atLimit, sender, facts).kind).toBe('append');
    expect(answered(receive(envelopeOfSize(1_000_004), sender, facts))).toMatchObject({
      reason: 'record_too_big',
      txid: '',
      isKept: false,
    });
  });

  it('refuses a txid of more than 1,000 bytes', () => {
    expect(receive(envelope({ txid: 'x'.repeat(1_000) }), sender, facts).kind).toBe('append');
    const txid = 'x'.repeat(1_001);
    expect(answered(receive(envelope({ txid }), sender, facts))).toMatchObject({ reason: 'txid_too_long', txid });
  });

  it.each(['', 'VV', 'v', 'alert', 'constructor', '__proto__'])('refuses the unknown topic %j', (topic) => {
    expect(answered(receive(envelope({ topic }), sender, facts))).toMatchObject({
      reason: 'unknown_topic',
      isAck: true,
      topic,
    });
  });

  it('appends an extra topic without inspection, with the time of the envelope', () => {
    const extra = createSender(
      { deviceId: VIN, senderId: `vehicle_device.${VIN}` },
      '',
      new Set(['das', 'x'.repeat(64)]),
    );
    const payload = Buffer.from([0xff]);
    const createdAtSeconds = RECEIVED_MS / 1000 - 5;
    const { record } = appended(receive(envelope({ topic: 'das', payload, createdAtSeconds }), extra, facts));
    expect(record).toMatchObject({ kind: 'possible_repeat', topic: 'das', createdMs: RECEIVED_MS - 5_000 });
    expect(record.payloadSuffix).toBeUndefined();
    expect(receive(envelope({ topic: 'x'.repeat(64) }), extra, facts).kind).toBe('append');
    for (const topic of ['dass', 'da', 'x'.repeat(65)]) {
      expect(answered(receive(envelope({ topic }), extra, facts)).reason).toBe('unknown_topic');
    }
    expect(answered(receive(envelope({ topic: 'das', senderId: 'vehicle_device.X' }), extra, facts)).isAck).toBe(true);
  });

  it('decides on arbitrary bytes: a record within the limits of the log, or a readable answer', () => {
    const good = envelope({});
    const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
    const mutated = fc.tuple(fc.array(change, { maxLength: 8 }), fc.nat(good.length)).map(([changes, length]) => {
      const bytes = Buffer.from(good);
      for (const [at, value] of changes) bytes[at] = value;
      return bytes.subarray(0, length);
    });
    const anyBytes = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.oneof(mutated, anyBytes), (bytes) => {
        const decision = receive(bytes, sender, facts);
        if (decision.kind === 'answer') {
          expect(readEnvelope(decision.answer)).not.toBeInstanceOf(EnvelopeError);
          return;
        }
        expect(decision.record.vin).toBe(VIN);
        expect(txidOf(decision.record).length).toBeLessThanOrEqual(1_000);
        expect(decodeMessage(decision.record.topic as 'V', storedPayload(decision.record)).vin).toBe(VIN);
      }),
      { numRuns: 3_000 },
    );
  });
});

function txidOf({ txid, txidStart, txidEnd }: RecordToAppend): Buffer {
  return txid.subarray(txidStart, txidEnd);
}

function storedPayload({ payload, payloadStart, payloadEnd, payloadSuffix = Buffer.alloc(0) }: RecordToAppend): Buffer {
  return Buffer.concat([payload.subarray(payloadStart, payloadEnd), payloadSuffix]);
}

function envelope(changes: Partial<RecordEnvelope>): Buffer {
  const payload = encodeMessage('V', { vin: VIN });
  return writeRecordEnvelope({ txid: 'tx', topic: 'V', payload, senderId: `vehicle_device.${VIN}`, ...changes });
}

/** `size` must be a multiple of four, as every envelope's size is. */
function envelopeOfSize(size: number): Buffer {
  const of = (textLength: number) => {
    const data = [{ key: 4, value: { stringValue: 'x'.repeat(textLength) } }];
    return envelope({ payload: encodeMessage('V', { data, vin: VIN }) });
  };
  const overhead = of(size - 1_000).length - (size - 1_000);
  const bytes = of(size - overhead);
  expect(bytes.length).toBe(size);
  return bytes;
}

function appended(decision: Decision): Extract<Decision, { kind: 'append' }> {
  if (decision.kind !== 'append') throw new Error(`answered: ${decision.reason}`);
  return decision;
}

function answered(decision: Decision) {
  if (decision.kind !== 'answer') throw new Error('appended');
  const answer = readEnvelope(decision.answer);
  if (answer instanceof EnvelopeError) throw new Error('unreadable answer');
  expect([STREAM, STREAM_ACK]).toContain(answer.messageType);
  return {
    ...decision,
    isAck: answer.messageType === STREAM_ACK,
    txid: answer.txid.toString(),
    topic: answer.topic,
  };
}

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeMessage,
  encodeMessage,
  Field,
  type Topic,
  timestampOf,
  topicShapes,
  topics,
  type VehicleData,
} from '../messages/index.js';
import { PayloadInspector, vinField } from './payload-inspector.js';

const inspector = new PayloadInspector();

describe('PayloadInspector', () => {
  it.each<[string, string, boolean]>([
    ['an empty payload', '', true],
    ['an unknown field', 'a00601', true],
    ['text that is not UTF-8 in vin', '1a02c328', false],
    ['text with an encoded surrogate', '1a03eda080', false],
    ['text in the 3-byte and 4-byte range', '1a07e282acf09f9a97', true],
    ['text that is not UTF-8 in a value', '0a08080812040a02ffff', false],
    ['the same bytes in an unknown field', 'a20602c328', true],
    ['field number 0', '0001', false],
    ['a field number past 2^29-1', '808080801000', false],
    ['a varint without an end', '20ffffffffffffffffffff', false],
    ['a varint of ten bytes that overflows', '20ffffffffffffffffff02', false],
    ['minus one as a varint', '20ffffffffffffffffff01', true],
    ['a length past the end', '1a7f41', false],
    ['a length past the end of the message that holds it', '0a03120541', false],
    ['a group that ends', 'a306a00601a406', true],
    ['a group that does not end', 'a306a00601', false],
    ['a group that another number ends', 'a306ac06', false],
    ['an end without a group', 'a406', false],
    ['wire type 6', '0e', false],
    ['a known field of another wire type', '0801', true],
    ['a known text field as a varint', '1801', true],
    ['groups nested a thousand deep', 'a306'.repeat(1_000), false],
  ])('validates %s as Go does', (_, payload, isValid) => {
    expect(inspect('V', payload).isValid).toBe(isValid);
  });

  it('validates packed fields as Go does', () => {
    // alerts: VehicleAlert.audiences packed, then with a varint cut short
    expect(inspect('alerts', '0a0412020102').isValid).toBe(true);
    expect(inspect('alerts', '0a0412020180').isValid).toBe(false);
  });

  it('validates the text of map entries', () => {
    expect(inspect('errors', '0a081a060a0161120162').isValid).toBe(true);
    expect(inspect('errors', '0a081a060a0161120180').isValid).toBe(false);
  });

  it('accepts only payloads that the decoder accepts, for any bytes', () => {
    const anyPayload = fc.uint8Array({ maxLength: 120 });
    fc.assert(
      fc.property(fc.constantFrom(...topics), fc.oneof(anyPayload, mutated()), (topic, bytes) => {
        const payload = Buffer.from(bytes);
        const { isValid } = inspector.inspect(topicShapes[topic], payload, 0, payload.length);
        if (isValid) expect(() => decodeMessage(topic, payload)).not.toThrow();
      }),
      { numRuns: 20_000 },
    );
  });

  it('extracts the same fields as the decoder', () => {
    const someTime = fc.integer({ min: Date.UTC(2015), max: Date.UTC(2100) });
    fc.assert(
      fc.property(someTime, fc.boolean(), fc.string({ maxLength: 20 }), (createdMs, isResend, vin) => {
        const payload = encodeMessage('V', {
          createdAt: timestampOf(createdMs),
          isResend,
          vin,
          data: [{ key: Field.Soc, value: { doubleValue: 1 } }],
        });
        const facts = inspector.inspect(topicShapes.V, payload, 0, payload.length);
        expect({ ...facts, vin: payload.toString('utf8', facts.vinStart, facts.vinEnd) }).toMatchObject({
          isValid: true,
          createdMs,
          isResend,
          vin,
        });
      }),
    );
  });

  it('reads only inside the given range', () => {
    const payload = Buffer.from('ffffffff1a0141ffff', 'hex');
    expect(inspector.inspect(topicShapes.V, payload, 4, 7).isValid).toBe(true);
    expect(inspector.inspect(topicShapes.V, payload, 4, 6).isValid).toBe(false);
  });
});

describe('vinField', () => {
  it.each(topics)('overwrites the claimed VIN when appended to a payload of %s', (topic) => {
    const claimed = encodeMessage(topic, { vin: 'CLAIMED' } as VehicleData);
    const stored = Buffer.concat([claimed, vinField(topicShapes[topic], '5YJ3E1EA7KF000001')]);
    expect(decodeMessage(topic, stored).vin).toBe('5YJ3E1EA7KF000001');
  });
});

function inspect(topic: Topic, payload: string) {
  const bytes = Buffer.from(payload, 'hex');
  return inspector.inspect(topicShapes[topic], bytes, 0, bytes.length);
}

function mutated(): fc.Arbitrary<Uint8Array> {
  const valid = encodeMessage('V', {
    createdAt: timestampOf(1_784_000_000_250),
    vin: '5YJ3E1EA7KF000001',
    data: [
      { key: Field.Location, value: { locationValue: { latitude: 48.1, longitude: 11.5 } } },
      { key: Field.VehicleName, value: { stringValue: 'Zoé' } },
      { key: Field.DoorState, value: { doorValue: { DriverFront: true } } },
    ],
  });
  return fc
    .array(fc.record({ at: fc.nat(valid.length - 1), byte: fc.nat(255) }), { minLength: 1, maxLength: 4 })
    .map((changes) => {
      const bytes = Buffer.from(valid);
      for (const { at, byte } of changes) bytes[at] = byte;
      return bytes;
    });
}

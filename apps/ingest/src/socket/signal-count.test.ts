import { decodeMessage, encodeMessage, timestampOf } from '@fleetbridge/protocol';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { countSignals } from './signal-count.js';

const value = fc.oneof(
  fc.record({ doubleValue: fc.double() }),
  fc.record({ stringValue: fc.string({ maxLength: 300 }) }),
  fc.record({ longValue: fc.nat() }),
  fc.record({ locationValue: fc.record({ latitude: fc.double(), longitude: fc.double() }) }),
);
const data = fc.array(fc.record({ key: fc.nat(250), value }), { maxLength: 30 });

it('counts the data of V, whatever fields lie between them', () => {
  fc.assert(
    fc.property(data, fc.boolean(), (some, isResend) => {
      const payload = encodeMessage('V', { data: some, vin: 'VIN1', createdAt: timestampOf(1e12), isResend });
      expect(countSignals('V', payload)).toBe(some.length);
      expect(countSignals('V', payload)).toBe(decodeMessage('V', payload).data?.length ?? 0);
    }),
  );
});

it('counts alerts, and zero in other topics', () => {
  const alerts = [{ name: 'a' }, { name: 'b' }];
  expect(countSignals('alerts', encodeMessage('alerts', { vin: 'V', alerts }))).toBe(2);
  expect(countSignals('errors', encodeMessage('errors', { errors: [{ name: 'a' }] }))).toBe(0);
  expect(countSignals('das', Buffer.from('anything'))).toBe(0);
});

it('skips unknown fields: numbers of four and eight bytes, and groups with nested fields', () => {
  const datum = [0x0a, 0x00];
  const unknown = [
    [0x7d, 1, 2, 3, 4],
    [0x79, 1, 2, 3, 4, 5, 6, 7, 8],
    [0x73, ...datum, 0x74],
    [0x78, 0xff, 0x01],
  ];
  expect(countSignals('V', Buffer.from([...datum, ...unknown.flat(), ...datum]))).toBe(2);
});

it('terminates on arbitrary bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      expect(countSignals('V', bytes)).toBeLessThanOrEqual(bytes.length);
    }),
  );
});

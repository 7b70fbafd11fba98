import { encodeMessage, Field, ShiftState, timestampOf } from '@fleetbridge/protocol';
import { expect, it } from 'vitest';
import { fitted, recordLine } from './record-line.js';

it('prints states by their short names, in whatever form the vehicle sends them', () => {
  const data = [
    { key: Field.Gear, value: { shiftStateValue: ShiftState.ShiftStateP } },
    { key: Field.DetailedChargeState, value: { detailedChargeStateValue: 2 } },
    { key: Field.FdWindow, value: { stringValue: 'WindowStateClosed' } },
    { key: Field.SentryMode, value: { sentryModeStateValue: 99 } },
    { key: Field.VehicleSpeed, value: { doubleValue: 42.5 } },
    { key: Field.VehicleName, value: { stringValue: 'ShiftStateless' } },
  ];
  const payload = encodeMessage('V', { data, createdAt: timestampOf(1_000), vin: 'VIN1' });
  const entry = { id: '1-0', vin: 'VIN1', topic: 'V', txid: 't', createdMs: 1_000, receivedMs: 1_000, version: '' };
  expect(recordLine({ ...entry, payload: Buffer.from(payload) })).toMatch(
    / {2}VIN1 {2}V +Gear P · DetailedChargeState NoPower · FdWindow Closed · SentryMode 99 · VehicleSpeed 42\.5 mph · VehicleName ShiftStateless$/,
  );
});

it.each([
  ['a line of 22 characters', 22, 'a line of 22 characte…'],
  ['a line of 22 characters', 23, 'a line of 22 characters'],
  ['a line of 22 characters', undefined, 'a line of 22 characters'],
  // some terminals report no width
  ['a line of 22 characters', 0, 'a line of 22 characters'],
])('cuts %j to a terminal of %s columns', (line, width, shown) => expect(fitted(line, width)).toBe(shown));

import { describe, expect, it } from 'vitest';
import { encodeMessage, Field, ShiftState } from '../messages/index.js';
import { decodeRecord, RecordDecodeError, recordJson, signalsOf } from './record.js';

describe('signalsOf', () => {
  it('keeps zero, false and empty text as values and turns invalid into null', () => {
    const message = {
      data: [
        { key: Field.VehicleSpeed, value: { doubleValue: 0 } },
        { key: Field.Locked, value: { booleanValue: false } },
        { key: Field.VehicleName, value: { stringValue: '' } },
        { key: Field.Soc, value: { invalid: true } },
        { key: Field.Gear, value: { shiftStateValue: ShiftState.ShiftStateD } },
        { key: Field.DoorState, value: { doorValue: { DriverFront: true } } },
        { key: Field.Location, value: { locationValue: { latitude: 0, longitude: 7 } } },
        { key: Field.Odometer },
        { key: 9_999, value: { intValue: 5 } },
      ],
    };
    const record = decodeRecord('V', encodeMessage('V', message));
    expect(record?.topic === 'V' && signalsOf(record.message)).toEqual([
      { name: 'VehicleSpeed', value: 0 },
      { name: 'Locked', value: false },
      { name: 'VehicleName', value: '' },
      { name: 'Soc', value: null },
      { name: 'Gear', value: 'ShiftStateD' },
      {
        name: 'DoorState',
        value: {
          DriverFront: true,
          DriverRear: false,
          PassengerFront: false,
          PassengerRear: false,
          TrunkFront: false,
          TrunkRear: false,
        },
      },
      { name: 'Location', value: { latitude: 0, longitude: 7 } },
      { name: 'Field_9999', value: 5 },
    ]);
  });

  it('keeps a 64-bit integer exact', () => {
    // field 3 (long_value) of a Value, 2^53 + 1
    const payload = Buffer.from('0a0d082c1209188180808080808010', 'hex');
    const record = decodeRecord('V', payload);
    expect(record?.topic === 'V' && signalsOf(record.message)).toEqual([
      { name: 'ScheduledChargingStartTime', value: '9007199254740993' },
    ]);
    expect(recordJson(record)).toMatchObject({ data: [{ value: { longValue: '9007199254740993' } }] });
  });
});

describe('decodeRecord', () => {
  it('reports the topic that it could not decode', () => {
    expect(() => decodeRecord('alerts', Buffer.from('0a7f', 'hex'))).toThrow(RecordDecodeError);
  });

  it('returns undefined for unknown topics', () => {
    expect(decodeRecord('metrics', Buffer.from('ff', 'hex'))).toBeUndefined();
  });
});

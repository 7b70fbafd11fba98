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

  it('gives a 32-bit float as its shortest decimal, in both forms of a record', () => {
    const data = [
      { key: Field.Soc, value: { floatValue: 52.3 } },
      { key: Field.TpmsPressureFl, value: { floatValue: 2.9 } },
      { key: Field.Odometer, value: { floatValue: 30492.8 } },
      { key: Field.OutsideTemp, value: { floatValue: -12.3 } },
      { key: Field.PackVoltage, value: { floatValue: Number.NaN } },
      { key: Field.InsideTemp, value: { doubleValue: 2.9000000953674316 } },
      { key: 9_999, value: { floatValue: 0.1 } },
    ];
    const record = decodeRecord('V', encodeMessage('V', { data }))!;
    const values = [52.3, 2.9, 30492.8, -12.3, Number.NaN, 2.9000000953674316, 0.1];
    expect(record.topic === 'V' && signalsOf(record.message).map(({ value }) => value)).toEqual(values);
    const json = recordJson(record) as { data: { value: object }[] };
    expect(json.data.map(({ value }) => Object.values(value)[0])).toEqual(
      values.map((value) => (Number.isNaN(value) ? 'NaN' : value)),
    );
  });

  it('names the signals of firmware 2026.32, and gives unknown enum values as their number', () => {
    const data = [
      { key: 260, value: { doubleValue: 4.5 } },
      { key: 261, value: { doubleValue: 1200.5 } },
      { key: 266, value: { booleanValue: true } },
      { key: 270, value: { intValue: 5 } },
      { key: Field.DetailedChargeState, value: { detailedChargeStateValue: 99 as 0 } },
      { key: Field.Gear, value: { shiftStateValue: -1 as 0 } },
    ];
    const record = decodeRecord('V', encodeMessage('V', { data }))!;
    expect(record.topic === 'V' && signalsOf(record.message)).toEqual([
      { name: 'GpsAccuracyMeters', value: 4.5 },
      { name: 'LifetimeEnergyChargedKwh', value: 1200.5 },
      { name: 'SoftwareUpdateAvailable', value: true },
      { name: 'Field_270', value: 5 },
      { name: 'DetailedChargeState', value: 99 },
      { name: 'Gear', value: -1 },
    ]);
    expect(recordJson(record)).toMatchObject({
      data: [{ key: 'GpsAccuracyMeters' }, {}, {}, { key: 270 }, { value: { detailedChargeStateValue: 99 } }, {}],
    });
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

import { describe, expect, it } from 'vitest';
import { encodeMessage, Field, ShiftState, timestampOf } from './messages.js';
import { decodeRecord, RecordDecodeError, recordJson, signalNames, signalsOf } from './record.js';
import { recordTime } from './record-time.js';
import { signalsWithUnit, signalUnit } from './signal-units.js';
import { fixedNotation, parseLocation } from './transforms.js';

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
  it('says which topic it could not decode', () => {
    expect(() => decodeRecord('alerts', Buffer.from('0a7f', 'hex'))).toThrow(RecordDecodeError);
  });

  it('leaves topics that we do not know alone', () => {
    expect(decodeRecord('metrics', Buffer.from('ff', 'hex'))).toBeUndefined();
  });
});

describe('protojson', () => {
  it('prints a 32-bit float as shortly as Go does', () => {
    const record = decodeRecord('V', encodeMessage('V', { data: [{ key: Field.Soc, value: { floatValue: 0.1 } }] }));
    expect(recordJson(record)).toMatchObject({ data: [{ value: { floatValue: 0.1 } }] });
  });

  it('writes numbers that JSON does not have as text', () => {
    const record = decodeRecord(
      'V',
      encodeMessage('V', { data: [{ key: Field.Soc, value: { doubleValue: Number.NaN } }] }),
    );
    expect(recordJson(record)).toMatchObject({ data: [{ value: { doubleValue: 'NaN' } }] });
  });

  it('writes times with as many decimals as they need', () => {
    const json = (nanos: number) =>
      recordJson({ topic: 'V', message: { createdAt: { seconds: 1_784_000_000, nanos } } });
    expect([0, 250_000_000, 1_000, 1].map((nanos) => (json(nanos) as { createdAt: string }).createdAt)).toEqual([
      '2026-07-14T03:33:20Z',
      '2026-07-14T03:33:20.250Z',
      '2026-07-14T03:33:20.000001Z',
      '2026-07-14T03:33:20.000000001Z',
    ]);
  });
});

describe('fixedNotation', () => {
  it.each([
    ['1.5e-3', '0.00150'],
    ['-1.2345e+04', '-12345.00000'],
    ['.5E1', '5.00000'],
    ['1.5625e-2', '0.01562'],
    ['1.0e30', '1000000015047466219876688855040.00000'],
    ['1.0e99', '1.0e99'],
    ['12.427', '12.427'],
    ['1e5', '1e5'],
    ['50', '50'],
    ['D', 'D'],
  ])('%s becomes %s', (text, expected) => {
    expect(fixedNotation(text)).toBe(expected);
  });
});

describe('parseLocation', () => {
  it.each([
    ['(37.412374 N, 122.145867 W)', { latitude: 37.412374, longitude: -122.145867 }],
    ['(33.8 S, 151 E)', { latitude: -33.8, longitude: 151 }],
    ['(not a place)', undefined],
    ['37.4 N, 122.1 W', undefined],
  ])('%s', (text, expected) => {
    expect(parseLocation(text)).toEqual(expected);
  });
});

describe('recordTime', () => {
  const received = 1_784_000_000_000;
  it.each([
    ['the payload', 1_783_999_999_250, 1_783_999_000, { ms: 1_783_999_999_250, isClockAhead: false, isOwn: true }],
    [
      'the envelope without a payload time',
      0,
      1_783_999_000,
      { ms: 1_783_999_000_000, isClockAhead: false, isOwn: false },
    ],
    [
      'the envelope when the payload is before 2015',
      1_000,
      1_783_999_000,
      { ms: 1_783_999_000_000, isClockAhead: false, isOwn: false },
    ],
    ['receipt when neither is sane', 0, 5, { ms: received, isClockAhead: false, isOwn: false }],
    ['a clock 60 s ahead', received + 60_000, 0, { ms: received + 60_000, isClockAhead: false, isOwn: true }],
    [
      'receipt when the clock is further ahead',
      received + 60_001,
      0,
      { ms: received, isClockAhead: true, isOwn: false },
    ],
  ])('goes by %s', (_, payloadMs, envelopeSeconds, expected) => {
    expect(recordTime(payloadMs, envelopeSeconds, received)).toEqual(expected);
  });
});

describe('signalUnit', () => {
  it('knows only signals that exist', () => {
    const names = new Set(signalNames.values());
    expect([...signalsWithUnit].filter((name) => !names.has(name))).toEqual([]);
    expect([signalUnit('VehicleSpeed'), signalUnit('Gear')]).toEqual(['mph', undefined]);
  });
});

it('timestampOf is exact to the millisecond before and after 1970', () => {
  expect([timestampOf(1_784_000_000_250), timestampOf(-1)]).toEqual([
    { seconds: 1_784_000_000, nanos: 250_000_000 },
    { seconds: -1, nanos: 999_000_000 },
  ]);
});

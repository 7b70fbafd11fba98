import { type Datum, decodeRecord, encodeMessage, Field, signalsOf } from '@fleetbridge/protocol';
import { describe, expect, it } from 'vitest';
import { datumJson, goJson, readingJson } from './go-json.js';

// numbers of enum members that the schema lacks are sent too
type Value = Record<string, unknown>;

/** Signal, value, and what Tesla's server publishes for it. */
const cases: [keyof typeof Field, Value, string][] = [
  ['TimeToFullCharge', { invalid: true }, 'null'],
  ['Gear', { invalid: true }, 'null'],
  ['Location', { invalid: true }, 'null'],
  ['DoorState', { invalid: true }, 'null'],
  ['TpmsPressureFl', { floatValue: 2.9 }, '2.9'],
  ['OutsideTemp', { floatValue: -12.3 }, '-12.3'],
  ['Soc', { doubleValue: 1e-7 }, '1e-7'],
  ['Soc', { doubleValue: 1e21 }, '1e+21'],
  ['DetailedChargeState', { detailedChargeStateValue: 8 }, '"8"'],
  ['Gear', { shiftStateValue: 4 }, '"ShiftStateN"'],
  ['Gear', { shiftStateValue: 99 }, '"99"'],
  // its generic code prints an unknown member of these as a number
  ['HvacPower', { hvacPowerValue: 2 }, '"HvacPowerStateOn"'],
  ['HvacPower', { hvacPowerValue: 99 }, '99'],
  ['TpmsSoftWarnings', { tireLocationValue: { rearRight: true } }, '{"rear_right":true}'],
  ['TpmsSoftWarnings', { tireLocationValue: { semiMiddleAxleLeft_2: true } }, '{"semi_middle_axle_left_2":true}'],
  ['TpmsSoftWarnings', { tireLocationValue: {} }, '{}'],
  [
    'DoorState',
    { doorValue: { TrunkRear: true } },
    '{"DriverFront":false,"DriverRear":false,"PassengerFront":false,"PassengerRear":false,"TrunkFront":false,"TrunkRear":true}',
  ],
  ['Location', { locationValue: { longitude: 11.5 } }, '{"latitude":0,"longitude":11.5}'],
  ['ScheduledDepartureTime', { timeValue: { hour: 7, minute: 5 } }, '"07:05:00"'],
  ['ScheduledChargingStartTime', { longValue: 1_736_756_100 }, '1736756100'],
  ['VehicleName', { stringValue: '<Ü & "x">\u2028' }, '"\\u003cÜ \\u0026 \\"x\\"\\u003e\\u2028"'],
  ['Gear', { stringValue: '"R"' }, '"\\"R\\""'],
  ['Locked', { booleanValue: false }, 'false'],
];

describe('datumJson and readingJson', () => {
  it.each(cases)('print %s as the Go server does: %j', (name, value, expected) => {
    const record = decodeRecord('V', encodeMessage('V', { data: [{ key: Field[name], value } as Datum] }));
    if (record?.topic !== 'V') throw new Error('not a V record');
    expect(datumJson(record.message.data![0]!)).toBe(expected);
    expect(readingJson(name, signalsOf(record.message)[0]!.value)).toBe(expected);
  });

  it('keep all digits of a 64-bit integer', () => {
    const payload = encodeMessage('V', { data: [{ key: Field.Soc, value: { longValue: 1 } }] });
    const record = decodeRecord('V', payload);
    if (record?.topic !== 'V') throw new Error('not a V record');
    record.message.data![0]!.value = { longValue: '9007199254740993' as unknown as number };
    expect(datumJson(record.message.data![0]!)).toBe('9007199254740993');
  });

  it('print null for a number that JSON lacks', () => {
    expect(datumJson({ key: Field.Soc, value: { doubleValue: Number.NaN } })).toBe('null');
    expect(datumJson({ key: Field.Soc, value: { floatValue: Number.POSITIVE_INFINITY } })).toBe('null');
    expect(datumJson({ key: Field.Soc, value: {} })).toBeUndefined();
  });
});

describe('goJson', () => {
  it('sorts the members of objects', () => {
    expect(goJson({ b: 1, a: [null, -0] })).toBe('{"a":[null,-0],"b":1}');
  });
});

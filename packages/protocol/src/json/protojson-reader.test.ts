import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMessage, encodeMessage, Field, ShiftState, type VehicleData } from '../messages/index.js';
import { fromProtojson, ProtojsonError } from './protojson-reader.js';
import { toProtojson } from './protojson-writer.js';

const message: VehicleData = {
  vin: '5YJ3E1EA7KF000001',
  isResend: true,
  createdAt: { seconds: 1_793_000_000, nanos: 123_456_000 },
  data: [
    { key: Field.Soc, value: { doubleValue: 0 } },
    { key: Field.Odometer, value: { stringValue: '12.5' } },
    { key: Field.Location, value: { locationValue: { latitude: -48.1, longitude: 11.5 } } },
    { key: Field.Gear, value: { shiftStateValue: ShiftState.ShiftStateD } },
    { key: Field.DoorState, value: { doorValue: { DriverFront: true } } },
    { key: Field.VehicleSpeed, value: { invalid: true } },
    { key: Field.PackVoltage, value: { floatValue: Number.NaN } },
  ],
};

describe('fromProtojson', () => {
  it('restores the message that toProtojson printed', () => {
    const decoded = decodeMessage('V', encodeMessage('V', message));
    const read = fromProtojson('V', JSON.parse(JSON.stringify(toProtojson('V', decoded))));
    if (read instanceof ProtojsonError) throw read;
    expect(read.skipped).toEqual([]);
    expect(toProtojson('V', decodeMessage('V', encodeMessage('V', read.message)))).toEqual(toProtojson('V', decoded));
  });

  it("reads both spellings of names: protobuf's JSON names and those of the .proto files", () => {
    const json = {
      data: [
        { key: 'Soc', value: { double_value: 58 } },
        { key: 'Odometer', value: { string_value: '12.5' } },
        { key: 'Gear', value: { shift_state_value: 'ShiftStateD' } },
        { key: 'Location', value: { location_value: { latitude: 48.1, longitude: 11.5 } } },
        {
          key: 'TpmsHardWarnings',
          value: { tire_location_value: { front_left: true, semi_middle_axle_left_2: true } },
        },
        { key: 'TpmsSoftWarnings', value: { tireLocationValue: { rearRight: true, semiRearAxleLeft2: true } } },
      ],
      created_at: '2026-11-25T19:56:40Z',
      vin: '5YJ3E1EA7KF000001',
      is_resend: true,
    };
    expect(fromProtojson('V', json)).toEqual({
      message: {
        data: [
          { key: Field.Soc, value: { doubleValue: 58 } },
          { key: Field.Odometer, value: { stringValue: '12.5' } },
          { key: Field.Gear, value: { shiftStateValue: ShiftState.ShiftStateD } },
          { key: Field.Location, value: { locationValue: { latitude: 48.1, longitude: 11.5 } } },
          {
            key: Field.TpmsHardWarnings,
            value: { tireLocationValue: { frontLeft: true, semiMiddleAxleLeft_2: true } },
          },
          { key: Field.TpmsSoftWarnings, value: { tireLocationValue: { rearRight: true, semiRearAxleLeft_2: true } } },
        ],
        createdAt: { seconds: 1_795_636_600, nanos: 0 },
        vin: '5YJ3E1EA7KF000001',
        isResend: true,
      },
      skipped: [],
    });
    const at = '2026-10-25T20:53:20Z';
    const createdAt = { seconds: 1_792_961_600, nanos: 0 };
    expect(fromProtojson('connectivity', { connection_id: 'c', network_interface: 'wifi', created_at: at })).toEqual({
      message: { connectionId: 'c', networkInterface: 'wifi', createdAt },
      skipped: [],
    });
    expect(fromProtojson('alerts', { alerts: [{ name: 'a', started_at: at, ended_at: at }] })).toEqual({
      message: { alerts: [{ name: 'a', startedAt: createdAt, endedAt: createdAt }] },
      skipped: [],
    });
  });

  it('reads messages of other topics', () => {
    const connectivity = { vin: 'V', connectionId: 'c', status: 'CONNECTED', createdAt: '2026-10-25T20:53:20.5Z' };
    expect(fromProtojson('connectivity', connectivity)).toMatchObject({
      message: { connectionId: 'c', status: 1, createdAt: { seconds: 1_792_961_600, nanos: 500_000_000 } },
    });
    const errors = { errors: [{ name: 'e', tags: { a: 'b' }, body: 'x', createdAt: null }], vin: 'V' };
    expect(fromProtojson('errors', errors)).toMatchObject({ message: { errors: [{ name: 'e', tags: { a: 'b' } }] } });
  });

  it('skips and reports what the schema lacks', () => {
    const json = {
      colour: 1,
      data: [
        { key: 'SignalOfTomorrow', value: { doubleValue: 1 } },
        { key: 'Soc', value: { doubleValue: 1 } },
      ],
    };
    expect(fromProtojson('V', json)).toEqual({
      message: { data: [{ key: Field.Soc, value: { doubleValue: 1 } }] },
      skipped: ['colour', 'data[0].key=SignalOfTomorrow'],
    });
  });

  it.each([
    [[], 'the record: expected an object'],
    [{ data: {} }, 'data: expected a list'],
    [{ data: [{ key: true }] }, 'data[0].key: expected the name of an enum value'],
    [{ data: [{ key: 'Soc', value: { doubleValue: 'much' } }] }, 'data[0].value.doubleValue: expected a number'],
    [{ createdAt: 'today' }, 'createdAt: expected a time (RFC 3339)'],
    [{ isResend: 'yes' }, 'isResend: expected true or false'],
  ])('rejects %j', (json, problem) => {
    const read = fromProtojson('V', json);
    expect(read).toBeInstanceOf(ProtojsonError);
    expect((read as ProtojsonError).message).toBe(problem);
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.constantFrom('V', 'alerts', 'errors', 'connectivity'), fc.json(), (topic, text) => {
        fromProtojson(topic as 'V', JSON.parse(text));
      }),
    );
  });
});

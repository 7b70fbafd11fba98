import { describe, expect, it } from 'vitest';
import {
  ConnectivityEvent,
  encodeMessage,
  Field,
  type MessageOf,
  ShiftState,
  type Topic,
  timestampOf,
} from '../messages/index.js';
import { flatRecord } from './flat-record.js';
import { decodeRecord } from './record.js';

const VIN = '5YJ3E1EA7KF000001';
const createdAt = timestampOf(Date.UTC(2026, 6, 1, 12, 30, 5, 678));
const createdSeconds = Date.UTC(2026, 6, 1, 12, 30, 5) / 1000;

describe('flatRecord', () => {
  it('prints V as one flat object, as the Go server does', () => {
    const data = [
      { key: Field.VehicleSpeed, value: { doubleValue: 12.5 } },
      { key: Field.Location, value: { locationValue: { latitude: 52.5, longitude: 13.4 } } },
      { key: Field.Odometer, value: { invalid: true } },
      { key: Field.Gear, value: { shiftStateValue: ShiftState.ShiftStateP } },
      { key: Field.ScheduledDepartureTime, value: { timeValue: { hour: 7, minute: 5, second: 0 } } },
      { key: Field.DoorState, value: { doorValue: { DriverFront: true } } },
      { key: Field.Locked, value: { booleanValue: false } },
      { key: Field.Version, value: { stringValue: '2026.20' } },
    ];
    expect(flat('V', { vin: VIN, createdAt, isResend: true, data })).toEqual({
      Vin: VIN,
      CreatedAt: '2026-07-01T12:30:05Z',
      IsResend: true,
      VehicleSpeed: 12.5,
      Location: { latitude: 52.5, longitude: 13.4 },
      Odometer: '<invalid>',
      Gear: 'ShiftStateP',
      ScheduledDepartureTime: '07:05:00',
      DoorState: {
        DriverFront: true,
        DriverRear: false,
        PassengerFront: false,
        PassengerRear: false,
        TrunkFront: false,
        TrunkRear: false,
      },
      Locked: false,
      Version: '2026.20',
    });
  });

  it('prints a 32-bit float as its shortest decimal', () => {
    const data = [
      { key: Field.Soc, value: { floatValue: 52.3 } },
      { key: Field.TpmsPressureFl, value: { floatValue: 2.9 } },
      { key: Field.Odometer, value: { floatValue: 30492.8 } },
    ];
    expect(flat('V', { data })).toMatchObject({ Soc: 52.3, TpmsPressureFl: 2.9, Odometer: 30492.8 });
  });

  it('keeps a second pair of quotes, which the vehicle sent', () => {
    const data = [{ key: Field.Gear, value: { stringValue: '"R"' } }];
    expect(flat('V', { data })).toMatchObject({ Gear: '"R"' });
  });

  it('prints a V record without any field', () => {
    expect(flat('V', {})).toEqual({ Vin: VIN, CreatedAt: '1970-01-01T00:00:00Z', IsResend: false });
  });

  it('prints the tyres of a car and the axles of a Semi', () => {
    const tireLocationValue = { rearLeft: true, semiMiddleAxleRight_2: true };
    const message = { data: [{ key: Field.TpmsHardWarnings, value: { tireLocationValue } }] };
    expect(flat('V', message)).toMatchObject({
      TpmsHardWarnings: { FrontLeft: false, FrontRight: false, RearLeft: true, RearRight: false },
    });
    const semi = flat('V', message, '7G2TE1EA7KF000001') as { TpmsHardWarnings: object };
    expect(semi.TpmsHardWarnings).toEqual({
      FrontLeft: false,
      FrontRight: false,
      SemiMiddleAxleLeft: true,
      SemiMiddleAxleRight: false,
      SemiMiddleAxleLeft2: false,
      SemiMiddleAxleRight2: true,
      SemiRearAxleLeft: false,
      SemiRearAxleRight: false,
      SemiRearAxleLeft2: false,
      SemiRearAxleRight2: false,
    });
  });

  it('prints alerts and errors as lists with times in epoch seconds', () => {
    const alerts = [{ name: 'VCFRONT_a1', audiences: [1, 2], startedAt: createdAt }, { name: 'B' }];
    expect(flat('alerts', { vin: VIN, createdAt, alerts })).toEqual([
      { Name: 'VCFRONT_a1', Audiences: ['Customer', 'Service'], StartedAt: createdSeconds },
      { Name: 'B', Audiences: null },
    ]);
    const errors = [{ name: 'E', createdAt, tags: { a: 'b' }, body: 'text' }, { name: 'F' }];
    expect(flat('errors', { vin: VIN, createdAt, errors })).toEqual([
      { Name: 'E', CreatedAt: createdSeconds, Tags: { a: 'b' }, Body: 'text' },
      { Name: 'F', Tags: null, Body: '' },
    ]);
  });

  it('prints connectivity as an object', () => {
    const status = ConnectivityEvent.CONNECTED;
    expect(flat('connectivity', { createdAt, connectionId: 'c', networkInterface: 'wifi', status })).toEqual({
      Vin: VIN,
      ConnectionID: 'c',
      NetworkInterface: 'wifi',
      Status: 'CONNECTED',
      CreatedAt: createdSeconds,
    });
  });

  it('is empty for a topic without a decoder', () => {
    expect(flatRecord(decodeRecord('das', Buffer.from('anything')), VIN, { invalid: null })).toEqual({});
  });
});

function flat<T extends Topic>(topic: T, message: MessageOf[T], vin = VIN): unknown {
  return flatRecord(decodeRecord(topic, encodeMessage(topic, message)), vin, { invalid: '<invalid>' });
}

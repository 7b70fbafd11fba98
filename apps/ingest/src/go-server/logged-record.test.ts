import { encodeMessage, Field, timestampOf } from '@fleetbridge/protocol';
import { describe, expect, it } from 'vitest';
import { loggedRecord } from './logged-record.js';

const createdAt = timestampOf(Date.UTC(2026, 6, 1, 12, 30, 5, 678));
const vin = 'VIN1';

describe('a logged record', () => {
  it('of V is one flat object, as the Go server prints it', () => {
    const data = [
      { key: Field.VehicleSpeed, value: { doubleValue: 12.5 } },
      { key: Field.Location, value: { locationValue: { latitude: 52.5, longitude: 13.4 } } },
      { key: Field.Odometer, value: { invalid: true } },
      { key: Field.Gear, value: { shiftStateValue: 2 } },
      { key: Field.ScheduledDepartureTime, value: { timeValue: { hour: 7, minute: 5, second: 0 } } },
      { key: Field.DoorState, value: { doorValue: { DriverFront: true } } },
      { key: Field.Locked, value: { booleanValue: false } },
      { key: Field.Version, value: { stringValue: '2026.20' } },
    ];
    expect(loggedRecord('V', encodeMessage('V', { vin, createdAt, isResend: true, data }))).toEqual({
      Vin: 'VIN1',
      CreatedAt: '2026-07-01T12:30:05Z',
      IsResend: true,
      VehicleSpeed: 12.5,
      Location: { latitude: 52.5, longitude: 13.4 },
      Odometer: '<invalid>',
      Gear: expect.stringMatching(/^ShiftState/),
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

  it('of V without anything in it is still one', () => {
    expect(loggedRecord('V', Buffer.alloc(0))).toEqual({
      Vin: '',
      CreatedAt: '1970-01-01T00:00:00Z',
      IsResend: false,
    });
  });

  it('of alerts and errors is a list, of connectivity an object; times are epoch seconds', () => {
    const seconds = Date.UTC(2026, 6, 1, 12, 30, 5) / 1000;
    const alerts = [{ name: 'VCFRONT_a1', audiences: [1, 2], startedAt: createdAt }, { name: 'B' }];
    expect(loggedRecord('alerts', encodeMessage('alerts', { vin, createdAt, alerts }))).toEqual([
      { Name: 'VCFRONT_a1', Audiences: [expect.any(String), expect.any(String)], StartedAt: seconds },
      { Name: 'B', Audiences: null },
    ]);
    const errors = [{ name: 'E', createdAt, tags: { a: 'b' }, body: 'text' }];
    expect(loggedRecord('errors', encodeMessage('errors', { vin, createdAt, errors }))).toEqual([
      { Name: 'E', CreatedAt: seconds, Tags: { a: 'b' }, Body: 'text' },
    ]);
    const connectivity = { vin, createdAt, connectionId: 'c', networkInterface: 'wifi', status: 1 };
    expect(loggedRecord('connectivity', encodeMessage('connectivity', connectivity))).toEqual({
      Vin: 'VIN1',
      ConnectionID: 'c',
      NetworkInterface: 'wifi',
      Status: 'CONNECTED',
      CreatedAt: seconds,
    });
  });

  it('of another topic is none', () => {
    expect(loggedRecord('das', Buffer.from('anything'))).toBeUndefined();
  });
});

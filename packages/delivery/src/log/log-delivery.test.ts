import { execFileSync } from 'node:child_process';
import { createReadStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { ConnectivityEvent, encodeMessage, Field, ShiftState, timestampOf } from '@fleetbridge/protocol';
import type { LogEntry } from '@fleetbridge/store';
import { describe, expect, it } from 'vitest';
import { LogDelivery, logLine } from './log-delivery.js';

const VIN = '5YJ3E1EA7KF000001';
const createdAt = timestampOf(1_784_000_000_250);

describe('logLine', () => {
  it("prints V in the form of the Go server's logger", () => {
    const data = [
      { key: Field.Soc, value: { doubleValue: 71.25 } },
      { key: Field.Gear, value: { shiftStateValue: ShiftState.ShiftStateD } },
      { key: Field.Location, value: { stringValue: '(37.412374 S, 122.145867 W)' } },
      { key: Field.DoorState, value: { doorValue: { DriverFront: true } } },
      { key: Field.ScheduledChargingStartTime, value: { timeValue: { hour: 6, minute: 5 } } },
      { key: Field.VehicleSpeed, value: { invalid: true } },
      { key: Field.TpmsHardWarnings, value: { tireLocationValue: { rearLeft: true } } },
      { key: Field.Locked, value: { booleanValue: false } },
      { key: Field.Odometer, value: { longValue: 12 } },
    ];
    const line = JSON.parse(logLine(entry('V', encodeMessage('V', { data, createdAt, vin: VIN }))));
    expect(line).toEqual({
      activity: true,
      level: 'info',
      msg: 'record_payload',
      time: '2026-07-14T03:33:20.500Z',
      vin: VIN,
      metadata: expect.objectContaining({ txid: 'tx', txtype: 'V', receivedat: '1784000000500' }),
      data: {
        Vin: VIN,
        CreatedAt: '2026-07-14T03:33:20Z',
        IsResend: false,
        Soc: 71.25,
        Gear: 'ShiftStateD',
        Location: { latitude: -37.412374, longitude: -122.145867 },
        DoorState: {
          DriverFront: true,
          DriverRear: false,
          PassengerFront: false,
          PassengerRear: false,
          TrunkFront: false,
          TrunkRear: false,
        },
        ScheduledChargingStartTime: '06:05:00',
        VehicleSpeed: '<invalid>',
        TpmsHardWarnings: { FrontLeft: false, FrontRight: false, RearLeft: true, RearRight: false },
        Locked: false,
        Odometer: 12,
      },
    });
  });

  it('prints alerts and errors as lists, and connectivity as an object', () => {
    const alerts = [{ name: 'A', audiences: [1, 3], startedAt: timestampOf(5_000) }, { name: 'B' }];
    const errors = [{ name: 'E', body: 'b', tags: { k: 'v' }, createdAt: timestampOf(6_000) }];
    const connectivity = {
      vin: VIN,
      connectionId: 'c',
      status: ConnectivityEvent.CONNECTED,
      createdAt: timestampOf(7_000),
      networkInterface: 'wifi',
    };
    expect(dataOf('alerts', encodeMessage('alerts', { alerts, vin: VIN }))).toEqual([
      { Name: 'A', StartedAt: 5, Audiences: ['Customer', 'ServiceFix'] },
      { Name: 'B', Audiences: null },
    ]);
    expect(dataOf('errors', encodeMessage('errors', { errors, vin: VIN }))).toEqual([
      { Name: 'E', Body: 'b', Tags: { k: 'v' }, CreatedAt: 6 },
    ]);
    expect(dataOf('connectivity', encodeMessage('connectivity', connectivity))).toEqual({
      Vin: VIN,
      ConnectionID: 'c',
      NetworkInterface: 'wifi',
      Status: 'CONNECTED',
      CreatedAt: 7,
    });
  });
});

describe('LogDelivery', () => {
  it('appends to a file, rejects a record that it cannot decode, and is away while it cannot write', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'log-lines-'));
    const file = join(folder, 'records.jsonl');
    const record = { entry: entry('V', encodeMessage('V', { vin: VIN })), messageId: '0-1-1', isLeaseHeld: () => true };
    for (let run = 0; run < 2; run++) {
      const delivery = new LogDelivery({ file });
      expect(await delivery.deliver(record)).toEqual({ kind: 'delivered' });
      expect(await delivery.deliver({ ...record, entry: entry('V', Buffer.from('0a7f', 'hex')) })).toMatchObject({
        kind: 'rejected',
      });
      await delivery.stop();
    }
    expect(
      readFileSync(file, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).vin),
    ).toEqual([VIN, VIN]);
    const unwritable = new LogDelivery({ file: join(folder, 'missing', 'x') });
    expect(await unwritable.deliver(record)).toMatchObject({ kind: 'away' });
    await unwritable.stop();
    rmSync(folder, { recursive: true });
  });

  it('writes a line once that is sent again before it is written, as to a pipe without a reader', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'log-lines-'));
    const file = join(folder, 'pipe');
    execFileSync('mkfifo', [file]);
    const delivery = new LogDelivery({ file });
    const record = { entry: entry('V', encodeMessage('V', { vin: VIN })), messageId: '0-1-1', isLeaseHeld: () => true };
    const outcomes = [delivery.deliver(record), delivery.deliver(record)];
    const lines = text(createReadStream(file));
    expect(await Promise.all(outcomes)).toEqual([{ kind: 'delivered' }, { kind: 'delivered' }]);
    await delivery.stop();
    expect((await lines).trimEnd().split('\n')).toHaveLength(1);
    rmSync(folder, { recursive: true });
  });
});

function entry(topic: string, payload: Buffer): LogEntry {
  return {
    id: '1-1',
    vin: VIN,
    topic,
    txid: 'tx',
    createdMs: 1_784_000_000_250,
    receivedMs: 1_784_000_000_500,
    version: '1',
    payload,
  };
}

function dataOf(topic: string, payload: Buffer): unknown {
  return JSON.parse(logLine(entry(topic, payload))).data;
}

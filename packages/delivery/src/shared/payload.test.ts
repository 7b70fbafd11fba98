import { encodeMessage, Field, timestampOf } from '@fleetbridge/protocol';
import type { LogEntry } from '@fleetbridge/store';
import { describe, expect, it } from 'vitest';
import { payloadOf } from './payload.js';

const VIN = '5YJ3E1EA7KF000001';
const createdAt = timestampOf(1_784_000_000_250);

describe('payloadOf', () => {
  it('leaves out unselected signals, except in the stored form', () => {
    const data = [
      { key: Field.Soc, value: { doubleValue: 1 } },
      { key: Field.Odometer, value: { doubleValue: 2 } },
    ];
    const one = entry('V', encodeMessage('V', { data, createdAt, vin: VIN }));
    const only = new Set(['Soc']);
    expect(payloadOf(one, { form: 'protobuf', signals: only })).toBe(one.payload);
    expect(JSON.parse(payloadOf(one, { form: 'protojson', signals: only }).toString()).data).toEqual([
      { key: 'Soc', value: { doubleValue: 1 } },
    ]);
    expect(JSON.parse(payloadOf(one, { form: 'json', signals: only }).toString())).toEqual({
      Vin: VIN,
      CreatedAt: '2026-07-14T03:33:20Z',
      IsResend: false,
      Soc: 1,
    });
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

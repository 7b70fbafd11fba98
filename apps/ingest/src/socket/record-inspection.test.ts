import { encodeMessage, Field, type MessageOf, type Topic, timestampOf } from '@fleetbridge/protocol';
import type { Logger } from '@fleetbridge/service';
import { describe, expect, it } from 'vitest';
import { createCounts } from '../counts.js';
import { createRecordInspection } from './record-inspection.js';

const SEMI_VIN = '7G2TE1EA7KF000001';

describe('a line of LOG_RECORDS', () => {
  it('names tyres as the Go server does', () => {
    const data = [{ key: Field.TpmsHardWarnings, value: { tireLocationValue: { rearLeft: true } } }];
    expect(loggedData('V', { data, vin: 'VIN1' })).toMatchObject({
      TpmsHardWarnings: { FrontLeft: false, FrontRight: false, RearLeft: true, RearRight: false },
    });
  });

  it('names the axles of a Semi as the Go server does', () => {
    const tireLocationValue = { rearLeft: true, semiMiddleAxleRight_2: true };
    const data = [{ key: Field.TpmsHardWarnings, value: { tireLocationValue } }];
    expect(
      (loggedData('V', { data, vin: SEMI_VIN }, SEMI_VIN) as { TpmsHardWarnings: object }).TpmsHardWarnings,
    ).toEqual({
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

  it('prints an error without tags and time as the Go server does', () => {
    const errors = [{ name: 'A', createdAt: timestampOf(6_000), tags: { k: 'v' }, body: 'text' }, { name: 'B' }];
    expect(loggedData('errors', { errors, vin: 'VIN1' })).toEqual([
      { Name: 'A', Body: 'text', Tags: { k: 'v' }, CreatedAt: 6 },
      { Name: 'B', Body: '', Tags: null },
    ]);
  });

  it('has no data for a topic without a decoder', () => {
    expect(loggedLine('das', Buffer.from('anything'))).toEqual({ vin: 'VIN1', metadata: expect.anything() });
  });

  it('has the error and the number of bytes of a payload that cannot be decoded', () => {
    expect(loggedLine('V', Buffer.from('0a7f', 'hex'))).toMatchObject({ bytes: 2, err: { topic: 'V' } });
  });
});

function loggedData<T extends Topic>(topic: T, message: MessageOf[T], vin = 'VIN1'): unknown {
  return loggedLine(topic, encodeMessage(topic, message), vin).data;
}

function loggedLine(topic: string, payload: Buffer, vin = 'VIN1'): Record<string, unknown> {
  const lines: Record<string, unknown>[] = [];
  const log = { info: (line: Record<string, unknown>) => lines.push(line) } as unknown as Logger;
  const inspect = createRecordInspection({ loggedTopics: [topic], countedVins: [], counts: createCounts(), log });
  const received = { receivedMs: 1_784_000_000_000, createdMs: 1_784_000_000_000, version: '1' };
  inspect?.({ kind: 'record', vin, topic, txid: Buffer.from('tx'), payload, ...received });
  return lines[0]!;
}

import { describe, expect, it } from 'vitest';
import { Field } from '../messages/index.js';
import { toProtojson } from './protojson-writer.js';

describe('toProtojson', () => {
  it('prints a 32-bit float as shortly as Go does', () => {
    const message = { data: [{ key: Field.Soc, value: { floatValue: Math.fround(0.1) } }] };
    expect(toProtojson('V', message)).toMatchObject({ data: [{ value: { floatValue: 0.1 } }] });
  });

  it('writes NaN and infinities, which JSON lacks, as text', () => {
    const message = { data: [{ key: Field.Soc, value: { doubleValue: Number.NaN } }] };
    expect(toProtojson('V', message)).toMatchObject({ data: [{ value: { doubleValue: 'NaN' } }] });
  });

  it('writes times with as many decimals as they need', () => {
    const json = (nanos: number) => toProtojson('V', { createdAt: { seconds: 1_784_000_000, nanos } });
    expect([0, 250_000_000, 1_000, 1].map((nanos) => json(nanos).createdAt)).toEqual([
      '2026-07-14T03:33:20Z',
      '2026-07-14T03:33:20.250Z',
      '2026-07-14T03:33:20.000001Z',
      '2026-07-14T03:33:20.000000001Z',
    ]);
  });
});

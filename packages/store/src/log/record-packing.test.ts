import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  MAX_BYTES_PER_CALL,
  MAX_RECORDS_PER_CALL,
  PackedRecords,
  packHead,
  type RecordToAppend,
} from './record-packing.js';

describe('PackedRecords', () => {
  it('is full at 256 records or a megabyte, not before', () => {
    const byCount = new PackedRecords();
    for (let count = 0; count < MAX_RECORDS_PER_CALL - 1; count++) byCount.add(record({}));
    expect(byCount.isFull).toBe(false);
    byCount.add(record({}));
    expect(byCount.isFull).toBe(true);

    const bySize = new PackedRecords();
    bySize.add(record({ payload: Buffer.alloc(MAX_BYTES_PER_CALL - 1_000) }));
    expect(bySize.isFull).toBe(false);
    bySize.add(record({ payload: Buffer.alloc(2_000) }));
    expect(bySize.isFull).toBe(true);
  });

  it('copies what it is given, so that the socket buffer may be used again', () => {
    const payload = Buffer.from('payload');
    const packed = new PackedRecords();
    packed.add(record({ payload }));
    payload.fill(0);
    expect(packed.bytes.includes('payload')).toBe(true);
  });

  it('packs the same with a head that the caller keeps as without one', () => {
    const text = fc.string({ maxLength: 300, unit: 'grapheme' });
    fc.assert(
      fc.property(text, text, text, (topic, version, networkInterface) => {
        const plain = record({ topic, version, networkInterface });
        const [without, withHead] = [new PackedRecords(), new PackedRecords()];
        without.add(plain);
        withHead.add({ ...plain, head: packHead(plain) });
        expect(withHead.bytes.equals(without.bytes)).toBe(true);
      }),
    );
  });
});

describe('the hash of a record', () => {
  it('is the same for the same record and differs between records', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        (a, b) => {
          const isSame = Buffer.from(a).equals(b);
          expect(hash('V', a).equals(hash('V', b))).toBe(isSame);
          expect(hash('V', a).equals(hash('alerts', a))).toBe(false);
        },
      ),
    );
  });

  it('spreads counted ids over all of its bits', () => {
    const seen = new Set<string>();
    const low = new Set<number>();
    for (let n = 0; n < 100_000; n++) {
      const bytes = hash('V', Buffer.from(`txid-${n}`));
      seen.add(bytes.toString('hex'));
      low.add(bytes.readUInt32LE(0));
    }
    expect(seen.size).toBe(100_000);
    // 32 bits alone would collide about once in 100,000; a weak mix would collide far more often
    expect(low.size).toBeGreaterThan(99_980);
  });

  it('names no record when there is no txid', () => {
    expect(hash('V', Buffer.alloc(0)).equals(hash('V', Buffer.alloc(0)))).toBe(false);
  });
});

function hash(topic: string, txid: Uint8Array): Buffer {
  const packed = new PackedRecords();
  packed.add(record({ topic, txid: Buffer.from(txid) }));
  return Buffer.from(packed.bytes.subarray(1, 9));
}

function record(changes: Partial<RecordToAppend>): RecordToAppend {
  return {
    kind: 'record',
    vin: '5YJ3E1EA7KF000001',
    topic: 'V',
    txid: Buffer.from('txid-1'),
    createdMs: 1,
    receivedMs: 2,
    version: '',
    payload: Buffer.alloc(10),
    ...changes,
  };
}

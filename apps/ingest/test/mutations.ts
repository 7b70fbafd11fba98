// Damaged messages, reproducible by seed: valid messages with changed, truncated, duplicated and moved bytes, and with
// numbers at the edges of their range.
import { readFileSync } from 'node:fs';
import { encodeMessage, timestampOf, writeRecordEnvelope } from '@fleetbridge/protocol';
import { vehicleRecord } from './test-vehicle.js';

const fixture = new URL('../../../packages/protocol/fixtures/golden_records.json', import.meta.url);

/** Valid messages of each kind, and all golden vectors, including invalid ones. */
export function originals(): Buffer[] {
  const vectors: { envelope_hex?: string }[] = JSON.parse(readFileSync(fixture, 'utf8')).vectors;
  const golden = vectors.flatMap(({ envelope_hex: hex }) => (hex === undefined ? [] : [Buffer.from(hex, 'hex')]));
  const alert = { name: 'A', startedAt: timestampOf(1_700_000_000_000), audiences: [1] };
  const alerts = encodeMessage('alerts', { alerts: [alert, alert], createdAt: timestampOf(1_700_000_000_000) });
  return [
    ...golden,
    writeRecordEnvelope(vehicleRecord({ textLength: 60 })),
    writeRecordEnvelope({ ...vehicleRecord({}), topic: 'alerts', payload: alerts }),
  ];
}

/** A reproducible random number generator from 0 to 1 (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const edgeNumbers = [0, 1, 0x7f, 0x80, 0xff, 0xfffe, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff];

export function mutated(original: Buffer, random: () => number): Buffer {
  let bytes = Buffer.from(original);
  const at = () => Math.floor(random() * bytes.length);
  for (let changes = 1 + random() * 6; changes > 0 && bytes.length > 0; changes--) {
    const kind = random();
    if (kind < 0.4) {
      bytes[at()] = Math.floor(random() * 256);
    } else if (kind < 0.55) {
      const bit = at();
      bytes[bit] = bytes[bit]! ^ (1 << Math.floor(random() * 8));
    } else if (kind < 0.75 && bytes.length >= 4) {
      const number = edgeNumbers[Math.floor(random() * edgeNumbers.length)]!;
      bytes.writeUInt32LE(number, Math.floor(random() * (bytes.length - 3)));
    } else if (kind < 0.85) {
      bytes = bytes.subarray(0, at());
    } else if (kind < 0.93) {
      const from = at();
      bytes = Buffer.concat([bytes.subarray(0, from), bytes.subarray(Math.max(0, from - 20))]);
    } else {
      const from = at();
      bytes.copyWithin(at(), from, from + 8);
    }
  }
  return bytes;
}

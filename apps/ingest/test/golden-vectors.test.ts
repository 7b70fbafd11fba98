// Every golden vector through a real mutual TLS socket: the answer, and the content of the log.
import { readFileSync } from 'node:fs';
import {
  decodeRecord,
  encodeMessage,
  isTopic,
  recordJson,
  topicShapes,
  vinField,
  writeRecordEnvelope,
} from '@fleetbridge/protocol';
import { describe, expect } from 'vitest';
import { VIN } from './ingest-rig.js';
import { it } from './ingest-test.js';
import type { Answer } from './test-vehicle.js';

interface GoldenVector {
  name: string;
  envelope_hex?: string;
  make?: { payload_text_length: number };
  expect: {
    kind: 'record' | 'error' | 'unknown_type' | 'too_big';
    txid?: string;
    topic?: string;
    payload_hex?: string;
  };
  tesla_server: { answers: Answer[]; publishes?: object };
}

const fixture = new URL('../../../packages/protocol/fixtures/golden_records.json', import.meta.url);
const vectors: GoldenVector[] = JSON.parse(readFileSync(fixture, 'utf8')).vectors;

/** Answers that differ from those of Tesla's server; each is a row of docs/ingest.md. */
const deviations: Record<string, Answer[]> = {
  ack_from_vehicle: [{ kind: 'ack', txid: 'txid-1', topic: 'V' }],
  unknown_union: [{ kind: 'ack', txid: 'txid-1', topic: 'V' }],
  truncated: [{ kind: 'error', txid: 'txid-1', topic: '' }],
  missing_message: [{ kind: 'error', txid: 'txid-1', topic: '' }],
  empty: [{ kind: 'error', txid: '', topic: '' }],
  all_zero: [{ kind: 'error', txid: '', topic: '' }],
  vtable_size: [{ kind: 'error', txid: '', topic: '' }],
};
/** Acknowledged, so that the vehicle stops resending them, but not stored. */
const notStored = new Set(['unknown_topic', 'foreign_sender']);

describe('a golden vector', () => {
  it.for(vectors)(
    '$name gets its answer and its record is stored or dropped as expected',
    async (vector, { startIngest }) => {
      const ingest = await startIngest();
      const vehicle = await ingest.connect();
      vehicle.connection.sendBytes(bytesOf(vector));
      await vehicle.fence();

      const expected = deviations[vector.name] ?? vector.tesla_server.answers;
      expect(vehicle.answers.filter(({ txid }) => txid !== 'fence')).toEqual(expected);

      const [connected, ...entries] = await ingest.entries();
      expect(connected?.topic).toBe('connectivity');
      expect(entries.pop()?.txid).toBe('fence');
      if (vector.expect.kind !== 'record' || expected[0]?.kind === 'error' || notStored.has(vector.name)) {
        expect(entries).toEqual([]);
        return;
      }
      expect(entries).toHaveLength(1);
      const { topic, txid, vin, payload } = entries[0]!;
      expect({ topic, txid, vin }).toEqual({ topic: vector.expect.topic, txid: vector.expect.txid, vin: VIN });
      expect(payload.toString('hex')).toBe(storedPayload(vector));
      // the stored payload is what the vehicle sent; decoded, it equals what Tesla's server publishes
      expect(recordJson(decodeRecord(topic, payload))).toEqual(vector.tesla_server.publishes);
    },
  );

  it.for(vectors.filter(({ name, expect: { kind } }) => kind === 'unknown_type' || name === 'unknown_topic'))(
    '$name is quarantined',
    async (vector, { startIngest }) => {
      const ingest = await startIngest();
      const vehicle = await ingest.connect();
      vehicle.connection.sendBytes(bytesOf(vector));
      await vehicle.fence();
      expect((await ingest.quarantined()).map((bytes) => bytes?.toString('hex'))).toEqual([vector.envelope_hex]);
    },
  );
});

function bytesOf({ envelope_hex, make }: GoldenVector): Buffer {
  if (envelope_hex !== undefined) return Buffer.from(envelope_hex, 'hex');
  const stringValue = 'x'.repeat(make!.payload_text_length);
  const payload = encodeMessage('V', { data: [{ key: 8, value: { stringValue } }], vin: VIN });
  return writeRecordEnvelope({ txid: 'too-big', topic: 'V', payload, senderId: `vehicle_device.${VIN}` });
}

/** The payload as sent, followed by the certificate's VIN if the payload names another VIN. */
function storedPayload({ name, expect: { topic = '', payload_hex = '' } }: GoldenVector): string {
  const claimsItsVin = !['foreign_vin_in_payload', 'empty_payload'].includes(name) && hasVin(topic, payload_hex);
  if (claimsItsVin || !isTopic(topic)) return payload_hex;
  return payload_hex + vinField(topicShapes[topic], VIN).toString('hex');
}

function hasVin(topic: string, payloadHex: string): boolean {
  return isTopic(topic) && payloadHex.includes(vinField(topicShapes[topic], VIN).toString('hex'));
}

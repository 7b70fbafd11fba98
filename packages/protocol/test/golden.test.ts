// The golden vectors: bytes as vehicles send them, and what the Go server answered and published for each.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  decodeMessage,
  decodeRecord,
  type Envelope,
  EnvelopeError,
  encodeMessage,
  isTopic,
  PayloadInspector,
  readEnvelope,
  recordJson,
  STREAM,
  topicShapes,
  vinField,
} from '../src/index.js';

const VIN = '5YJ3E1EA7KF000001';
const fixture = JSON.parse(readFileSync(new URL('../fixtures/golden_records.json', import.meta.url), 'utf8'));
// the one vector without bytes is about size, which the reader's caller checks
const goldenVectors: GoldenVector[] = fixture.vectors.filter(
  (vector: GoldenVector) => vector.envelope_hex !== undefined,
);
const inspector = new PayloadInspector();

describe('the envelope reader on the golden vectors', () => {
  it.each(goldenVectors.filter(({ expect }) => expect.kind === 'record'))(
    'reads $name',
    ({ envelope_hex, expect: expected }) => {
      const envelope = read(envelope_hex);
      expect({
        messageType: envelope.messageType,
        txid: envelope.txid.toString(),
        topic: envelope.topic,
        senderId: envelope.senderId,
        deviceType: envelope.deviceType,
        deviceId: envelope.deviceId,
        createdAtSeconds: envelope.createdAtSeconds,
        payload: envelope.payload.toString('hex'),
      }).toEqual({
        messageType: STREAM,
        txid: expected.txid,
        topic: expected.topic,
        senderId: expected.sender_id,
        deviceType: expected.device_type ?? '',
        deviceId: expected.device_id ?? '',
        createdAtSeconds: expected.created_at,
        payload: expected.payload_hex,
      });
    },
  );

  it.each(goldenVectors.filter(({ expect }) => expect.kind === 'error'))('rejects $name', ({ envelope_hex }) => {
    expect(readEnvelope(Buffer.from(envelope_hex, 'hex'))).toBeInstanceOf(EnvelopeError);
  });

  it.each(goldenVectors.filter(({ expect }) => expect.kind === 'unknown_type'))(
    'reads the type of $name',
    ({ envelope_hex, expect: expected }) => {
      const envelope = read(envelope_hex);
      expect({ messageType: envelope.messageType, txid: envelope.txid.toString() }).toEqual({
        messageType: expected.message_type,
        txid: expected.txid,
      });
    },
  );
});

describe('the payload inspector on the golden vectors', () => {
  const understood = goldenVectors.filter(({ expect }) => expect.kind === 'record' && isTopic(expect.topic));

  it.each(understood)('rejects $name exactly if the Go server does', ({ envelope_hex, tesla_server }) => {
    const isRejected = tesla_server.answers.some(({ kind }) => kind === 'error');
    expect(inspect(read(envelope_hex)).isValid).toBe(!isRejected);
  });

  it.each(understood.filter(({ expect }) => expect.decoded))(
    'extracts the fields of $name',
    ({ envelope_hex, expect: { decoded } }) => {
      const envelope = read(envelope_hex);
      const facts = inspect(envelope);
      const created = decoded.created_at;
      expect(facts.createdMs).toBe(
        created ? Number(created.seconds) * 1000 + Math.floor((created.nanos ?? 0) / 1e6) : 0,
      );
      expect(facts.isResend).toBe(decoded.is_resend ?? false);
      expect(envelope.bytes.toString('latin1', facts.vinStart, facts.vinEnd)).toBe(decoded.vin ?? '');
    },
  );
});

describe('records read from the log', () => {
  const published = goldenVectors.filter(
    ({ expect, tesla_server }) => expect.kind === 'record' && tesla_server.publishes,
  );

  it.each(published)('print $name as the Go server does', ({ envelope_hex, tesla_server }) => {
    const envelope = read(envelope_hex);
    expect(recordJson(decodeRecord(envelope.topic, stored(envelope)))).toEqual(tesla_server.publishes);
  });

  it.each(published.filter(({ expect }) => isTopic(expect.topic)))(
    'decode to the same after encoding: $name',
    ({ envelope_hex }) => {
      const envelope = read(envelope_hex);
      const topic = envelope.topic as 'V';
      const decoded = decodeMessage(topic, stored(envelope));
      expect(decodeMessage(topic, encodeMessage(topic, decoded))).toEqual(decoded);
    },
  );
});

interface GoldenVector {
  name: string;
  envelope_hex: string;
  // biome-ignore lint/suspicious/noExplicitAny: the fixture's shape differs from vector to vector
  expect: any;
  tesla_server: { answers: { kind: string }[]; publishes?: object };
}

function read(envelopeHex: string): Envelope {
  const envelope = readEnvelope(Buffer.from(envelopeHex, 'hex'));
  if (envelope instanceof EnvelopeError) throw new Error(`unreadable: ${envelope.reason} at ${envelope.offset}`);
  return envelope;
}

function inspect(envelope: Envelope) {
  const { bytes, payloadStart, payloadEnd } = envelope;
  return inspector.inspect(topicShapes[envelope.topic as 'V'], bytes, payloadStart, payloadEnd);
}

/** The payload with the certificate's VIN appended, as ingest stores it. */
function stored(envelope: Envelope): Buffer {
  if (!isTopic(envelope.topic)) return envelope.payload;
  return Buffer.concat([envelope.payload, vinField(topicShapes[envelope.topic], VIN)]);
}

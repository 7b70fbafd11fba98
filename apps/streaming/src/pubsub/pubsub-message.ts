// Parses a Google Pub/Sub push from Tesla's own server: the record's payload (protobuf, or JSON with
// `transmit_decoded_records`) and its metadata as attributes (docs/protocol/vehicle.md#pubsub).
import {
  encodeMessage,
  fromProtojson,
  isTopic,
  isVin,
  PayloadInspector,
  ProtojsonError,
  recordTime,
  type Topic,
  topicShapes,
  topics,
  vinField,
} from '@fleetbridge/protocol';
import type { RecordToAppend } from '@fleetbridge/store';

const MIN_RECEIVED_MS = Date.UTC(2015, 0, 1);
const MAX_TXID_BYTES = 1_000;
const OPENING_BRACE = '{'.charCodeAt(0);
const inspector = new PayloadInspector();

export interface PushedRecord {
  record: RecordToAppend;
  /** Members of the JSON form that our schema does not have. */
  skipped: string[];
}

const NO_TOPICS: ReadonlySet<string> = new Set();

/** `extraTopics`: stored unchanged (EXTRA_TOPICS). `refusal`: why the push is rejected, for the response and the log. Never throws. */
export function readPush(
  body: unknown,
  nowMs: number,
  extraTopics: ReadonlySet<string> = NO_TOPICS,
): PushedRecord | { refusal: string } {
  const message = member(body, 'message');
  const attributes = member(message, 'attributes');
  const vin = text(member(attributes, 'vin'));
  const topic = text(member(attributes, 'txtype'));
  const messageId = text(member(message, 'messageId')) || text(member(message, 'message_id'));
  if (!isVin(vin)) return { refusal: 'the attribute vin is not a VIN' };
  if (messageId === '') return { refusal: 'messageId is missing' };
  const data = Buffer.from(text(member(message, 'data')), 'base64');
  const receivedMs = timeOfReceipt(text(member(attributes, 'receivedat')), nowMs);
  const common = {
    // Pub/Sub delivers at least once
    kind: 'possible_repeat',
    vin,
    topic,
    txid: txidOf(topic, text(member(attributes, 'txid')), messageId),
    receivedMs,
    version: text(member(attributes, 'device_client_version')),
  } as const;
  if (!isTopic(topic)) {
    if (extraTopics.has(topic)) return { record: { ...common, createdMs: receivedMs, payload: data }, skipped: [] };
    return {
      refusal: `the attribute txtype is not ${[...topics, ...extraTopics].join(', ')} (EXTRA_TOPICS adds to them)`,
    };
  }
  const payload = payloadOf(topic, data);
  if ('refusal' in payload) return payload;

  const { bytes, skipped } = payload;
  const facts = inspector.inspect(topicShapes[topic], bytes, 0, bytes.length);
  if (!facts.isValid) return { refusal: `the data is not a message of topic ${topic}` };
  const claimedVin = bytes.toString('latin1', facts.vinStart, facts.vinEnd);
  return {
    record: {
      ...common,
      createdMs: createdMsOf(facts.createdMs, receivedMs, nowMs),
      payload: bytes,
      ...(claimedVin === vin ? {} : { payloadSuffix: vinField(topicShapes[topic], vin) }),
    },
    skipped,
  };
}

/**
 * The vehicle's own id, so that a repeat is detected on every path: pushed twice, sent twice by the vehicle, or sent to us
 * directly. Connect and disconnect share one id (the connection's), so for them the message's id is used.
 */
function txidOf(topic: string, txid: string, messageId: string): Buffer {
  const isOwn = txid !== '' && topic !== 'connectivity' && Buffer.byteLength(txid) <= MAX_TXID_BYTES;
  return Buffer.from(isOwn ? txid : `pubsub:${messageId}`.slice(0, MAX_TXID_BYTES));
}

function payloadOf(topic: Topic, data: Buffer): { bytes: Buffer; skipped: string[] } | { refusal: string } {
  // In protobuf a brace would start a group in field 15, which no message has.
  if (data[0] !== OPENING_BRACE) return { bytes: data, skipped: [] };
  let json: unknown;
  try {
    json = JSON.parse(data.toString());
  } catch {
    return { refusal: 'the data starts like JSON and is not valid JSON' };
  }
  const read = fromProtojson(topic, json);
  if (read instanceof ProtojsonError) return { refusal: `the data: ${read.message}` };
  return { bytes: encodeMessage(topic, read.message), skipped: read.skipped };
}

/** The receive time of Tesla's server, if it is plausible. */
function timeOfReceipt(receivedAt: string, nowMs: number): number {
  const ms = /^\d{1,15}$/.test(receivedAt) ? Number(receivedAt) : 0;
  return ms >= MIN_RECEIVED_MS && ms <= nowMs ? ms : nowMs;
}

/** Not later than the receive time of Tesla's server; as the vehicle claims if that is unknown. */
function createdMsOf(claimedMs: number, receivedMs: number, nowMs: number): number {
  const { ms } = recordTime(claimedMs, 0, receivedMs);
  return receivedMs < nowMs ? Math.min(ms, receivedMs) : ms;
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}

// Decides what to do with one message of a vehicle: append it or answer it. Pure. It runs for every record, so it builds
// no objects and uses offsets instead of strings. The order of the checks is that of Tesla's server
// (docs/protocol/vehicle.md#acks); docs/ingest.md lists the deviations.
import {
  buildAck,
  buildErrorAnswer,
  Envelope,
  EnvelopeError,
  MAX_MESSAGE_BYTES,
  type PayloadFacts,
  PayloadInspector,
  readEnvelope,
  recordTime,
  STREAM,
  type Topic,
  type TopicShape,
  topicShapes,
  topics,
  vinField,
} from '@fleetbridge/protocol';
import { type PackedHead, packHead, type RecordToAppend } from '@fleetbridge/store';

/** The sender according to its certificate; created once per connection. */
export interface Sender {
  vin: string;
  /** The two forms of sender id that an envelope may carry. */
  senderId: Buffer;
  deviceId: Buffer;
  /** The vehicle's client version, a header of the upgrade request. */
  version: string;
  /** The VIN as a protobuf field of each topic's message; appended to a payload that names another VIN. */
  vinFields: Record<Topic, Buffer>;
  /** Topics that are stored besides the four known ones, without inspection. */
  extraTopics: ReadonlySet<string>;
  /** The constant fields of records by topic; created with the first record, since most vehicles send one topic. */
  heads: Map<string, PackedHead>;
}

export function createSender(
  identity: { deviceId: string; senderId: string },
  version: string,
  extraTopics: ReadonlySet<string> = NO_TOPICS,
): Sender {
  const fields = topics.map((topic) => [topic, vinField(topicShapes[topic], identity.deviceId)]);
  return {
    vin: identity.deviceId,
    senderId: Buffer.from(identity.senderId),
    deviceId: Buffer.from(identity.deviceId),
    version,
    vinFields: Object.fromEntries(fields) as Record<Topic, Buffer>,
    extraTopics,
    heads: new Map(),
  };
}

const NO_TOPICS: ReadonlySet<string> = new Set();

export type RefusalReason =
  | 'record_too_big'
  | 'envelope_unreadable'
  | 'unknown_message_type'
  | 'unauthorized_sender_id'
  | 'unknown_topic'
  | 'payload_unreadable'
  | 'txid_too_long';

export type Decision =
  | { kind: 'append'; record: RecordToAppend; envelope: Envelope; isClockAhead: boolean }
  /** Answered immediately and not stored. `isKept`: put the message into the quarantine. */
  | { kind: 'answer'; reason: RefusalReason; answer: Buffer; isKept: boolean; detail: string };

export interface ReceiveFacts {
  receivedMs: number;
  /**
   * Whether the record may repeat an earlier one, as it does after a reconnect: `likely` shortly after connecting,
   * `possible` for some time. A record with is_resend is always looked up.
   */
  repeats: 'likely' | 'possible' | 'unlikely';
  /** The part of the bytes that holds the message; default: all. */
  start?: number;
  end?: number;
}

/** Vehicles send 36 bytes. The log could store 65,535, but acks repeat the txid and readers keep it. */
const MAX_TXID_BYTES = 1_000;
// Reused for every message, because nothing here is asynchronous: the result of `receive` is valid until the next call.
const inspector = new PayloadInspector();
const scratch = new Envelope();
const toAppend: Extract<Decision, { kind: 'append' }> = {
  kind: 'append',
  record: {
    kind: 'record',
    vin: '',
    topic: '',
    txid: Buffer.alloc(0),
    txidStart: 0,
    txidEnd: 0,
    createdMs: 0,
    receivedMs: 0,
    version: '',
    payload: Buffer.alloc(0),
    payloadStart: 0,
    payloadEnd: 0,
    payloadSuffix: undefined,
    head: undefined,
  },
  envelope: scratch,
  isClockAhead: false,
};
const LETTER_V = 'V'.charCodeAt(0);
const LONGEST_TOPIC = Math.max(...topics.map((topic) => topic.length));
/** Limit for the names in EXTRA_TOPICS. */
const LONGEST_EXTRA_TOPIC = 64;
/** The payload of an extra topic is unknown, including whether it is a repeat. */
const uninspected: Readonly<PayloadFacts> = { isValid: true, createdMs: 0, isResend: true, vinStart: 0, vinEnd: 0 };

export function receive(bytes: Buffer, sender: Sender, facts: ReceiveFacts): Decision {
  const { start = 0, end = bytes.length } = facts;
  if (end - start > MAX_MESSAGE_BYTES) {
    return {
      kind: 'answer',
      reason: 'record_too_big',
      answer: buildErrorAnswer(),
      isKept: false,
      detail: `${end - start} bytes`,
    };
  }
  const envelope = readEnvelope(bytes, scratch, start, end);
  if (envelope instanceof EnvelopeError) {
    const detail = `${envelope.reason} at ${envelope.offset}`;
    return {
      kind: 'answer',
      reason: 'envelope_unreadable',
      answer: buildErrorAnswer(envelope.txid),
      isKept: true,
      detail,
    };
  }
  const shape = topicOf(envelope);
  const topic = shape === undefined ? extraTopicOf(envelope, sender) : shape.topic;
  if (envelope.messageType !== STREAM) {
    return {
      kind: 'answer',
      reason: 'unknown_message_type',
      answer: ackOf(envelope),
      isKept: true,
      detail: String(envelope.messageType),
    };
  }
  if (!isFrom(envelope, sender)) {
    // An unknown topic gets an error; a known one is acknowledged so that the vehicle stops resending.
    const answer = topic === undefined ? buildErrorAnswer(envelope.txid) : ackOf(envelope);
    return { kind: 'answer', reason: 'unauthorized_sender_id', answer, isKept: false, detail: topicText(envelope) };
  }
  if (topic === undefined) {
    const detail = topicText(envelope);
    return { kind: 'answer', reason: 'unknown_topic', answer: ackOf(envelope), isKept: true, detail };
  }
  if (envelope.txidEnd - envelope.txidStart > MAX_TXID_BYTES) {
    const detail = `${envelope.txidEnd - envelope.txidStart} bytes`;
    const answer = buildErrorAnswer(envelope.txid);
    return { kind: 'answer', reason: 'txid_too_long', answer, isKept: true, detail };
  }
  const payload =
    shape === undefined ? uninspected : inspector.inspect(shape, bytes, envelope.payloadStart, envelope.payloadEnd);
  if (!payload.isValid) {
    return {
      kind: 'answer',
      reason: 'payload_unreadable',
      answer: buildErrorAnswer(envelope.txid),
      isKept: true,
      detail: topic,
    };
  }
  const time = recordTime(payload.createdMs, envelope.createdAtSeconds, facts.receivedMs);
  const { record } = toAppend;
  record.kind = kindOf(payload.isResend ? 'likely' : facts.repeats, time.isOwn);
  record.vin = sender.vin;
  record.topic = topic;
  record.txid = bytes;
  record.txidStart = envelope.txidStart;
  record.txidEnd = envelope.txidEnd;
  record.createdMs = time.ms;
  record.receivedMs = facts.receivedMs;
  record.version = sender.version;
  record.head = sender.heads.get(topic) ?? newHead(sender, topic);
  record.payload = bytes;
  record.payloadStart = envelope.payloadStart;
  record.payloadEnd = envelope.payloadEnd;
  // In protobuf the last of repeated fields wins: the appended VIN of the certificate overrides the one in the payload.
  const isUnchanged = shape === undefined || isText(bytes, payload.vinStart, payload.vinEnd, sender.deviceId);
  record.payloadSuffix = isUnchanged ? undefined : sender.vinFields[shape.topic];
  toAppend.isClockAhead = time.isClockAhead;
  return toAppend;
}

/** A repeat that is only possible is recognized by its own time, if it has one; that saves the lookup. */
function kindOf(repeats: ReceiveFacts['repeats'], hasOwnTime: boolean): RecordToAppend['kind'] {
  if (repeats === 'unlikely') return 'record';
  return repeats === 'possible' && hasOwnTime ? 'possible_repeat_dated' : 'possible_repeat';
}

function topicOf(envelope: Envelope): TopicShape | undefined {
  const { bytes, topicStart, topicEnd } = envelope;
  if (topicEnd - topicStart === 1) return bytes[topicStart] === LETTER_V ? topicShapes.V : undefined;
  if (topicEnd - topicStart > LONGEST_TOPIC) return undefined;
  const topic = envelope.topic;
  return Object.hasOwn(topicShapes, topic) ? topicShapes[topic as Topic] : undefined;
}

function newHead({ vin, version, heads }: Sender, topic: string): PackedHead {
  const head = packHead({ vin, topic, version });
  heads.set(topic, head);
  return head;
}

function extraTopicOf(envelope: Envelope, { extraTopics }: Sender): string | undefined {
  if (extraTopics.size === 0 || envelope.topicEnd - envelope.topicStart > LONGEST_EXTRA_TOPIC) return undefined;
  const { topic } = envelope;
  return extraTopics.has(topic) ? topic : undefined;
}

/** Shortened for the log: a topic can be as long as a message. */
function topicText({ bytes, topicStart, topicEnd }: Envelope): string {
  return bytes.toString('latin1', topicStart, Math.min(topicEnd, topicStart + 40));
}

function isFrom({ bytes, senderStart, senderEnd }: Envelope, { senderId, deviceId }: Sender): boolean {
  return isText(bytes, senderStart, senderEnd, senderId) || isText(bytes, senderStart, senderEnd, deviceId);
}

function isText(bytes: Buffer, start: number, end: number, expected: Buffer): boolean {
  if (end - start !== expected.length) return false;
  for (let at = 0; at < expected.length; at++) if (bytes[start + at] !== expected[at]) return false;
  return true;
}

function ackOf({ bytes, txidStart, txidEnd, topicStart, topicEnd }: Envelope): Buffer {
  return buildAck(bytes, txidStart, txidEnd, topicStart, topicEnd);
}

// Delivery to Kafka: topic `<namespace>_<topic>`, key VIN, so that a vehicle stays in one partition and in order, and the
// headers of Tesla's server. What comes in one turn travels as one request; one request is under way. The producer is
// idempotent, and thrown away with the first failure, since its sequence is in doubt then.
import { readFileSync } from 'node:fs';
import { ProduceAcks, Producer } from '@platformatic/kafka';
import {
  assertHeld,
  attributesOf,
  away,
  DELIVERED,
  type Delivery,
  type DeliveryOutcome,
  OnDemandConnection,
  type OutgoingRecord,
  type PayloadForm,
  payloadOf,
  rejected,
  type SignalSelection,
} from '../shared/index.js';

export interface KafkaOptions {
  brokers: string[];
  clientId: string;
  namespace: string;
  acks: 'all' | 'leader';
  tls?: { caFile?: string | undefined } | undefined;
  sasl?: { mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'; username: string; password: string } | undefined;
  form: PayloadForm;
  signals?: SignalSelection;
  ackDeadlineMs: number;
}

interface Message {
  topic: string;
  key: Buffer;
  value: Buffer;
  headers: Map<Buffer, Buffer>;
}

interface Sending {
  record: OutgoingRecord;
  message: Message;
  settle: (outcome: DeliveryOutcome) => void;
}

/** What the broker says of a record that it will never take. */
const REJECTIONS = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD', 'INVALID_TOPIC_EXCEPTION']);

type BytesProducer = Producer<Buffer, Buffer, Buffer, Buffer>;

export class KafkaDelivery implements Delivery {
  readonly #options: KafkaOptions;
  readonly #connection: OnDemandConnection<BytesProducer>;
  #waiting: Sending[] = [];
  #isSending = false;

  constructor(options: KafkaOptions) {
    this.#options = options;
    this.#connection = new OnDemandConnection({
      open: async () => this.#producer(),
      close: (producer) => producer.close(true),
      limitMs: options.ackDeadlineMs,
    });
  }

  async deliver(record: OutgoingRecord): Promise<DeliveryOutcome> {
    let message: Message;
    try {
      message = this.#message(record);
    } catch (error) {
      return rejected(error);
    }
    return await new Promise((settle) => {
      this.#waiting.push({ record, message, settle });
      if (this.#isSending) return;
      this.#isSending = true;
      setImmediate(() => void this.#send());
    });
  }

  stop(): void {
    this.#connection.stop();
  }

  async #send(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      const outcome = await this.#sendTogether(batch);
      if (outcome.kind !== 'rejected' || batch.length === 1) {
        for (const { settle } of batch) settle(outcome);
        continue;
      }
      // which one of them it is: one at a time
      for (const one of batch) one.settle(await this.#sendTogether([one]));
    }
    this.#isSending = false;
  }

  async #sendTogether(batch: readonly Sending[]): Promise<DeliveryOutcome> {
    try {
      await this.#connection.use((producer) => {
        for (const { record } of batch) assertHeld(record);
        return producer.send({ messages: batch.map(({ message }) => message) });
      });
      return DELIVERED;
    } catch (error) {
      const rejection = rejectionIn(error);
      return rejection === undefined ? away(error) : rejected(rejection);
    }
  }

  #message({ entry }: OutgoingRecord): Message {
    const { namespace, form, signals } = this.#options;
    const headers = Object.entries(attributesOf(entry)).map(
      ([name, value]) => [Buffer.from(name), Buffer.from(value)] as const,
    );
    return {
      topic: `${namespace}_${entry.topic}`,
      key: Buffer.from(entry.vin),
      value: payloadOf(entry, form, signals),
      headers: new Map(headers),
    };
  }

  #producer(): BytesProducer {
    const { brokers, clientId, acks, tls, sasl, ackDeadlineMs } = this.#options;
    return new Producer<Buffer, Buffer, Buffer, Buffer>({
      clientId,
      bootstrapBrokers: brokers,
      acks: acks === 'all' ? ProduceAcks.ALL : ProduceAcks.LEADER,
      idempotent: acks === 'all',
      autocreateTopics: true,
      // what to repeat is decided by whoever holds the lease
      retries: 0,
      connectTimeout: ackDeadlineMs,
      timeout: ackDeadlineMs,
      ...(tls === undefined ? {} : { tls: tls.caFile === undefined ? {} : { ca: readFileSync(tls.caFile) } }),
      ...(sasl === undefined ? {} : { sasl }),
    });
  }
}

/** The client wraps what the broker said in errors of its own. */
function rejectionIn(error: unknown, depth = 0): string | undefined {
  if (!(error instanceof Error) || depth > 5) return undefined;
  const { apiId, errors, cause } = error as Error & { apiId?: string; errors?: unknown[] };
  if (apiId !== undefined && REJECTIONS.has(apiId)) return `${apiId}: ${error.message}`;
  for (const inner of [...(errors ?? []), cause]) {
    const found = rejectionIn(inner, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

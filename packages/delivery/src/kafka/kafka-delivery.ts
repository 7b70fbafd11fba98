// Delivery to Kafka: topic `<namespace>_<topic>`, key VIN, so that a vehicle's records stay in order in one partition,
// and the Go server's headers. Records of one event loop turn travel in one request; one request is in flight. A record
// that has failed travels alone, so that it does not take others with it. The
// producer is idempotent and discarded at the first failure, because its sequence number is then in doubt.
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
  type PayloadOptions,
  payloadOf,
  rejected,
} from '../shared/index.js';

export interface KafkaOptions extends PayloadOptions {
  brokers: string[];
  clientId: string;
  namespace: string;
  acks: 'all' | 'leader';
  tls?: { caFile?: string | undefined } | undefined;
  sasl?: { mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'; username: string; password: string } | undefined;
  ackDeadlineMs: number;
}

interface Message {
  topic: string;
  key: Buffer;
  value: Buffer;
  headers: Map<Buffer, Buffer>;
}

interface QueuedRecord {
  record: OutgoingRecord;
  message: Message;
  queuedMs: number;
  settle: (outcome: DeliveryOutcome) => void;
}

const FAILED_IDS_KEPT = 10_000;

/** Errors of the broker that mean it will never accept the record. */
const REJECTIONS = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD', 'INVALID_TOPIC_EXCEPTION']);

type BytesProducer = Producer<Buffer, Buffer, Buffer, Buffer>;

export class KafkaDelivery implements Delivery {
  readonly #options: KafkaOptions;
  readonly #connection: OnDemandConnection<BytesProducer>;
  #waiting: QueuedRecord[] = [];
  #sending = false;
  /** Message ids of records whose last request failed without an answer. */
  readonly #failedIds = new Set<string>();

  constructor(options: KafkaOptions) {
    this.#options = options;
    this.#connection = new OnDemandConnection({
      open: async () => this.#producer(),
      close: (producer) => producer.close(true),
      timeoutMs: options.ackDeadlineMs,
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
      this.#waiting.push({ record, message, queuedMs: performance.now(), settle });
      if (this.#sending) return;
      this.#sending = true;
      setImmediate(() => void this.#send());
    });
  }

  stop(): void {
    this.#connection.stop();
  }

  async #send(): Promise<void> {
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting;
      this.#waiting = [];
      const hasFailed = ({ record }: QueuedRecord) => this.#failedIds.has(record.messageId);
      await this.#sendTogether(waiting.filter((queued) => !hasFailed(queued)));
      await this.#sendAlone(waiting.filter(hasFailed));
    }
    this.#sending = false;
  }

  async #sendTogether(batch: readonly QueuedRecord[]): Promise<void> {
    if (batch.length === 0) return;
    const outcome = await this.#sendBatch(batch);
    // finds the rejected record by sending them one at a time
    if (outcome.kind === 'rejected' && batch.length > 1) return await this.#sendAlone(batch);
    for (const queued of batch) this.#settle(queued, outcome);
  }

  /** Stops at the first one without an answer: the others would wait for longer than their deadline. */
  async #sendAlone(queue: readonly QueuedRecord[]): Promise<void> {
    const { ackDeadlineMs } = this.#options;
    let failure: (DeliveryOutcome & { kind: 'away' }) | undefined;
    for (const queued of queue) {
      const isLate = performance.now() - queued.queuedMs > ackDeadlineMs;
      if (failure === undefined && isLate) failure = away('not sent within the ack deadline');
      if (failure !== undefined) {
        queued.settle({ ...failure, isCollateral: true });
        continue;
      }
      const outcome = await this.#sendBatch([queued]);
      this.#settle(queued, outcome);
      if (outcome.kind === 'away') failure = outcome;
    }
  }

  #settle({ record, settle }: QueuedRecord, outcome: DeliveryOutcome): void {
    if (outcome.kind !== 'away') this.#failedIds.delete(record.messageId);
    else if (this.#failedIds.size < FAILED_IDS_KEPT) this.#failedIds.add(record.messageId);
    settle(outcome);
  }

  async #sendBatch(batch: readonly QueuedRecord[]): Promise<DeliveryOutcome> {
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
    const headers = Object.entries(attributesOf(entry)).map(
      ([name, value]) => [Buffer.from(name), Buffer.from(value)] as const,
    );
    return {
      topic: `${this.#options.namespace}_${entry.topic}`,
      key: Buffer.from(entry.vin),
      value: payloadOf(entry, this.#options),
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
      // only the holder of the lease decides what to repeat
      retries: 0,
      connectTimeout: ackDeadlineMs,
      timeout: ackDeadlineMs,
      ...(tls === undefined ? {} : { tls: tls.caFile === undefined ? {} : { ca: readFileSync(tls.caFile) } }),
      ...(sasl === undefined ? {} : { sasl }),
    });
  }
}

/** The client wraps the broker's error in errors of its own. */
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

// Delivery to NATS JetStream: subject `<namespace>.<vin>.<topic>`, the message id for the stream's duplicate window, so
// that a repeat within it is stored once.
import { type JetStreamClient, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, headers, type NatsConnection } from '@nats-io/transport-node';
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

export interface NatsOptions {
  servers: string[];
  user?: string | undefined;
  pass?: string | undefined;
  token?: string | undefined;
  name: string;
  namespace: string;
  /** Made over `<namespace>.>` when it is not there. */
  stream?: string | undefined;
  form: PayloadForm;
  signals?: SignalSelection;
  ackDeadlineMs: number;
}

interface Session {
  connection: NatsConnection;
  stream: JetStreamClient;
}

// What the headers take of a message at most, about.
const HEADER_BYTES = 4_096;

export class NatsDelivery implements Delivery {
  readonly #options: NatsOptions;
  readonly #connection: OnDemandConnection<Session>;

  constructor(options: NatsOptions) {
    this.#options = options;
    this.#connection = new OnDemandConnection({
      open: (lost) => this.#open(lost),
      close: ({ connection }) => connection.close(),
      limitMs: options.ackDeadlineMs,
    });
  }

  async deliver(record: OutgoingRecord): Promise<DeliveryOutcome> {
    const { entry, messageId } = record;
    const { namespace, form, signals, ackDeadlineMs } = this.#options;
    let payload: Buffer;
    const head = headers();
    try {
      payload = payloadOf(entry, form, signals);
      for (const [name, value] of Object.entries(attributesOf(entry))) head.set(name, headerText(value));
    } catch (error) {
      return rejected(error);
    }
    try {
      const subject = `${namespace}.${entry.vin}.${entry.topic}`;
      // one attempt: what to repeat is decided by whoever holds the lease
      const options = { msgID: messageId, headers: head, timeout: ackDeadlineMs, retries: 1 };
      return await this.#connection.use(async ({ connection, stream }) => {
        assertHeld(record);
        const atMost = connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
        // the server would end the connection, again and again
        if (payload.length > atMost - HEADER_BYTES)
          return rejected(`${payload.length} bytes, the server takes ${atMost}`);
        await stream.publish(subject, payload, options);
        return DELIVERED;
      });
    } catch (error) {
      return away(error);
    }
  }

  stop(): void {
    this.#connection.stop();
  }

  async #open(lost: (error: Error) => void): Promise<Session> {
    const { servers, user, pass, token, name, namespace, stream, ackDeadlineMs } = this.#options;
    const connection = await connect({
      servers,
      name,
      ...(user === undefined ? {} : { user }),
      ...(pass === undefined ? {} : { pass }),
      ...(token === undefined ? {} : { token }),
      reconnect: false,
      timeout: ackDeadlineMs,
      pingInterval: 10_000,
      maxPingOut: 2,
    });
    void connection.closed().then((error) => lost(error ?? new Error('the connection has ended')));
    if (stream !== undefined) await ensureStream(connection, stream, namespace);
    return { connection, stream: jetstream(connection) };
  }
}

async function ensureStream(connection: NatsConnection, name: string, namespace: string): Promise<void> {
  const manager = await jetstreamManager(connection);
  try {
    await manager.streams.info(name);
  } catch {
    // not there, or not ours to see: then this fails and says why
    await manager.streams.add({ name, subjects: [`${namespace}.>`] });
  }
}

/** A txid is whatever the vehicle sent; a header holds one line. */
function headerText(value: string): string {
  return /^[\x20-\x7e]*$/.test(value) ? value : encodeURIComponent(value);
}

// Delivery to NATS JetStream: subject `<namespace>.<vin>.<topic>`. The message id lets the stream store a repeat within
// its duplicate window only once.
import { type JetStreamClient, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, headers, type NatsConnection } from '@nats-io/transport-node';
import {
  assertHeld,
  attributesOf,
  awayByConnection,
  DELIVERED,
  type Delivery,
  type DeliveryOutcome,
  headerText,
  OnDemandConnection,
  type OutgoingRecord,
  type PayloadOptions,
  payloadOf,
  rejected,
  subjectToken,
} from '../shared/index.js';

export interface NatsOptions extends PayloadOptions {
  servers: string[];
  user?: string | undefined;
  pass?: string | undefined;
  token?: string | undefined;
  name: string;
  namespace: string;
  /** Created over `<namespace>.>` if it does not exist. */
  stream?: string | undefined;
  ackDeadlineMs: number;
}

interface Session {
  connection: NatsConnection;
  stream: JetStreamClient;
}

// Upper limit of a message's headers: two texts of the vehicle, percent-encoded, and the fixed ones.
const MAX_HEADER_BYTES = 8_192;

export class NatsDelivery implements Delivery {
  readonly #options: NatsOptions;
  readonly #connection: OnDemandConnection<Session>;

  constructor(options: NatsOptions) {
    this.#options = options;
    this.#connection = new OnDemandConnection({
      open: (onLost) => this.#open(onLost),
      close: ({ connection }) => connection.close(),
      timeoutMs: options.ackDeadlineMs,
    });
  }

  async deliver(record: OutgoingRecord): Promise<DeliveryOutcome> {
    const { entry, messageId } = record;
    const { namespace, ackDeadlineMs } = this.#options;
    let payload: Buffer;
    const head = headers();
    try {
      payload = payloadOf(entry, this.#options);
      for (const [name, value] of Object.entries(attributesOf(entry))) head.set(name, headerText(value));
    } catch (error) {
      return rejected(error);
    }
    try {
      const subject = `${namespace}.${subjectToken(entry.vin)}.${entry.topic}`;
      // one attempt: only the holder of the lease decides what to repeat
      const options = { msgID: messageId, headers: head, timeout: ackDeadlineMs, retries: 1 };
      return await this.#connection.use(async ({ connection, stream }) => {
        assertHeld(record);
        const maxBytes = connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
        // the server would close the connection at every attempt
        if (payload.length > maxBytes - MAX_HEADER_BYTES)
          return rejected(`${payload.length} bytes, the server accepts at most ${maxBytes}`);
        await stream.publish(subject, payload, options).catch(async (error) => {
          throw (await missingStream(connection, namespace)) ?? error;
        });
        return DELIVERED;
      });
    } catch (error) {
      return awayByConnection(error);
    }
  }

  stop(): void {
    this.#connection.stop();
  }

  async #open(onLost: (error: Error) => void): Promise<Session> {
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
    void connection.closed().then((error) => onLost(error ?? new Error('the server closed the connection')));
    if (stream !== undefined) await ensureStream(connection, stream, namespace);
    return { connection, stream: jetstream(connection) };
  }
}

async function ensureStream(connection: NatsConnection, name: string, namespace: string): Promise<void> {
  const manager = await jetstreamManager(connection);
  try {
    await manager.streams.info(name);
  } catch {
    // does not exist, or may not be read: then this fails with the reason
    await manager.streams.add({ name, subjects: [`${namespace}.>`] });
  }
}

/**
 * A server that has no stream for a subject answers as one without JetStream does. Undefined if JetStream is really off, may
 * not be asked, or has a stream.
 */
async function missingStream(connection: NatsConnection, namespace: string): Promise<Error | undefined> {
  try {
    const manager = await jetstreamManager(connection);
    const names = await manager.streams.names(`${namespace}.>`).next();
    if (names.length > 0) return undefined;
  } catch {
    return undefined;
  }
  return new Error(`no stream takes ${namespace}.>; set nats.stream, and fleetbridge creates one`);
}

// One connection to a broker. MQTT 5, because its acknowledgements report refusals; 3.1.1 for brokers without it. The
// client library's own store and reconnects are not used (on-demand-connection.ts).
import { connect, type IConnackPacket, type MqttClient } from 'mqtt';

export interface BrokerOptions {
  url: string;
  username?: string | undefined;
  password?: string | undefined;
  ca?: Buffer | undefined;
  /** The same for every owner of a partition, so the broker ends the session of an owner that lost its lease. */
  clientId: string;
  timeoutMs: number;
}

export interface OutgoingMessage {
  topic: string;
  payload: string | Buffer;
  qos: 0 | 1 | 2;
  retain: boolean;
}

/** The broker has answered that it does not accept a message. */
export interface Refusal {
  topic: string;
  reason: string;
  /** The broker is at a limit, so the message may be accepted later. */
  isTemporary: boolean;
}

const KEEP_ALIVE_SECONDS = 30;
const LAST_VERSION_3 = 127;
const NOT_SUPPORTED = 132;
const NOT_AUTHORIZED = 135;
const QUOTA_EXCEEDED = 151;
/** Messages that may wait for their acknowledgement, if the broker does not limit them. */
const MAX_IN_FLIGHT = 1_000;

export class MqttConnection {
  readonly client: MqttClient;
  readonly version: 4 | 5;
  readonly #maximumBytes: number;
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(client: MqttClient, version: 4 | 5, { properties }: IConnackPacket) {
    this.client = client;
    this.version = version;
    this.#free = Math.min(MAX_IN_FLIGHT, properties?.receiveMaximum ?? MAX_IN_FLIGHT);
    this.#maximumBytes = properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY;
  }

  /** In the order of the calls. Resolves with the broker's refusal, if any; rejects when the connection fails. */
  async publish({ topic, payload, qos, retain }: OutgoingMessage): Promise<Refusal | undefined> {
    const bytes = Buffer.byteLength(topic) + Buffer.byteLength(payload);
    if (bytes + HEADER_BYTES > this.#maximumBytes) {
      return { topic, reason: `larger than the broker's limit of ${this.#maximumBytes} bytes`, isTemporary: false };
    }
    if (this.#free > 0 && this.#waiting.length === 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      await this.client.publishAsync(topic, payload, { qos, retain });
      return undefined;
    } catch (error) {
      const { code, message } = error as Error & { code?: unknown };
      if (typeof code !== 'number' || code <= LAST_VERSION_3) throw error;
      const reason = message.replace(/^Publish error: /, '');
      return { topic, reason, isTemporary: code === QUOTA_EXCEEDED };
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}

/** Fixed header, lengths, message id and properties of a PUBLISH, at most. */
const HEADER_BYTES = 16;

/**
 * Connects with the last will, or without it to a broker that refuses a client for it. `onLost` is called once, when the
 * connection ends.
 */
export async function connectToBroker(
  options: BrokerOptions,
  will: OutgoingMessage,
  onLost: (error: Error) => void,
): Promise<MqttConnection> {
  try {
    return await connectWith(options, { version: 5, will }, onLost);
  } catch (error) {
    if (isRefusal(error, NOT_AUTHORIZED))
      return await connectWith(options, { version: 5 }, onLost).catch(rethrow(error));
    if (!isVersionRefused(error)) throw error;
    return await connectWith(options, { version: 4, will }, onLost).catch(rethrow(error));
  }
}

/** The first failure is the useful one, unless the broker refused the version. */
function rethrow(first: unknown): (second: unknown) => never {
  return (second) => {
    throw isVersionRefused(first) ? second : first;
  };
}

function isRefusal(error: unknown, code: number): boolean {
  return (error as { code?: unknown }).code === code;
}

/** An old broker answers with code 1, in a form that version 5 may not understand, or closes the connection. */
function isVersionRefused(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  if (code === undefined) return true;
  return typeof code === 'number' && (code <= LAST_VERSION_3 || code === NOT_SUPPORTED);
}

async function connectWith(
  { url, username, password, ca, clientId, timeoutMs }: BrokerOptions,
  { version, will }: { version: 4 | 5; will?: OutgoingMessage },
  onLost: (error: Error) => void,
): Promise<MqttConnection> {
  const client = connect(url, {
    clientId,
    protocolVersion: version,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(ca === undefined ? {} : { ca }),
    clean: true,
    reconnectPeriod: 0,
    reconnectOnConnackError: false,
    resubscribe: false,
    queueQoSZero: false,
    keepalive: KEEP_ALIVE_SECONDS,
    connectTimeout: timeoutMs,
    ...(will === undefined ? {} : { will: { ...will, payload: Buffer.from(will.payload) } }),
  });
  const closed = new Error('the broker closed the connection');
  let isOpen = false;
  let failure: Error | undefined;
  const ended = new Promise<never>((_, reject) => {
    const end = (error: Error) => {
      failure ??= error;
      reject(failure);
      if (isOpen) onLost(failure);
      isOpen = false;
    };
    client.on('error', end);
    client.on('close', () => end(closed));
    client.on('disconnect', ({ reasonCode }) => end(new Error(`the broker ended the session (reason ${reasonCode})`)));
  });
  try {
    const connected = new Promise<IConnackPacket>((resolve) => client.once('connect', resolve));
    const packet = await Promise.race([connected, ended]);
    isOpen = true;
    return new MqttConnection(client, version, packet);
  } catch (error) {
    client.end(true);
    throw error;
  }
}

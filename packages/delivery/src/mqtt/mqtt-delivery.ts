// Delivery to an MQTT broker. The client library's own store and reconnects are not used (on-demand-connection.ts); the client
// id is the same for every owner of a partition, so the broker ends the session of an owner that lost its lease.
import type { LogEntry } from '@fleetbridge/store';
import { connect, type MqttClient } from 'mqtt';
import {
  assertHeld,
  away,
  DELIVERED,
  type Delivery,
  type DeliveryOutcome,
  OnDemandConnection,
  type OutgoingRecord,
  rejected,
  type SignalSelection,
} from '../shared/index.js';
import { discoveryMessages, type HomeAssistantOptions } from './home-assistant.js';
import { type MqttMessage, mqttMessages } from './mqtt-messages.js';

export interface MqttOptions {
  url: string;
  username?: string | undefined;
  password?: string | undefined;
  ca?: Buffer | undefined;
  clientId: string;
  base: string;
  qos: 0 | 1 | 2;
  retain: boolean;
  signals: SignalSelection;
  /** For `online`, `offline` and the last will. */
  statusTopic: string;
  homeAssistant?: Omit<HomeAssistantOptions, 'base' | 'statusTopic'> | undefined;
  ackDeadlineMs: number;
}

interface Session {
  client: MqttClient;
  /** Entities announced on this connection, as `<VIN> <signal>`. */
  announced: Set<string>;
}

const KEEP_ALIVE_SECONDS = 30;

export class MqttDelivery implements Delivery {
  readonly keepsLastValues = true;
  readonly #options: MqttOptions;
  readonly #connection: OnDemandConnection<Session>;

  constructor(options: MqttOptions) {
    this.#options = options;
    this.#connection = new OnDemandConnection({
      open: (onLost) => this.#open(onLost),
      close: ({ client }) => client.end(true),
      timeoutMs: options.ackDeadlineMs,
    });
  }

  async deliver(record: OutgoingRecord): Promise<DeliveryOutcome> {
    const { entry } = record;
    let messages: MqttMessage[];
    try {
      messages = mqttMessages(entry, this.#options);
      messages = messages.filter((message) => !record.isOutdated?.(nameOf(entry, message)));
    } catch (error) {
      return rejected(error);
    }
    try {
      await this.#connection.use((session) => {
        assertHeld(record);
        return this.#publish(session, entry, messages);
      });
      return DELIVERED;
    } catch (error) {
      return away(error);
    }
  }

  /** A clean disconnect does not trigger the last will, so `offline` is published here. */
  async stop(): Promise<void> {
    await this.#connection.ifOpen(async ({ client }) => {
      await publish(
        client,
        { topic: this.#options.statusTopic, payload: 'offline' },
        { qos: this.#statusQos, retain: true },
      );
      await client.endAsync();
    });
    this.#connection.stop();
  }

  async #publish(
    { client, announced }: Session,
    { vin, topic }: LogEntry,
    messages: readonly MqttMessage[],
  ): Promise<void> {
    const { qos, retain, homeAssistant, base, statusTopic } = this.#options;
    const sent: Promise<void>[] = [];
    for (const message of messages) {
      const { signal } = message;
      if (homeAssistant && signal && !announced.has(`${vin} ${signal}`)) {
        announced.add(`${vin} ${signal}`);
        const named = { name: signal, value: JSON.parse(String(message.payload)) };
        for (const discovery of discoveryMessages(vin, named, { ...homeAssistant, base, statusTopic })) {
          sent.push(publish(client, discovery, { qos: this.#statusQos, retain: true }));
        }
      }
      // retained, so that later subscribers know the presence too
      const isPresence = homeAssistant !== undefined && topic === 'connectivity';
      sent.push(publish(client, message, { qos, retain: retain || isPresence }));
    }
    await Promise.all(sent);
  }

  get #statusQos(): 0 | 1 {
    return this.#options.qos === 0 ? 0 : 1;
  }

  #open(onLost: (error: Error) => void): Promise<Session> {
    const { url, username, password, ca, clientId, statusTopic, ackDeadlineMs } = this.#options;
    const client = connect(url, {
      clientId,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(ca === undefined ? {} : { ca }),
      clean: true,
      reconnectPeriod: 0,
      reconnectOnConnackError: false,
      resubscribe: false,
      queueQoSZero: false,
      keepalive: KEEP_ALIVE_SECONDS,
      connectTimeout: ackDeadlineMs,
      will: { topic: statusTopic, payload: Buffer.from('offline'), qos: this.#statusQos, retain: true },
    });
    return new Promise((resolve, reject) => {
      client.on('error', (error) => {
        reject(error);
        onLost(error);
      });
      client.on('close', () => {
        const error = new Error('the broker closed the connection');
        reject(error);
        onLost(error);
      });
      client.on('connect', () => {
        publish(client, { topic: statusTopic, payload: 'online' }, { qos: this.#statusQos, retain: true }).then(
          () => resolve({ client, announced: new Set() }),
          reject,
        );
      });
    });
  }
}

/** The name under which its value is the last one (`isOutdated`). */
function nameOf(entry: LogEntry, { topic, signal }: MqttMessage): string {
  return entry.topic === 'connectivity' ? '@connectivity' : (signal ?? topic);
}

function publish(
  client: MqttClient,
  { topic, payload }: { topic: string; payload: string | Buffer },
  options: { qos: 0 | 1 | 2; retain: boolean },
): Promise<void> {
  return new Promise((resolve, reject) => {
    client.publish(topic, payload, options, (error) => (error ? reject(error) : resolve()));
  });
}

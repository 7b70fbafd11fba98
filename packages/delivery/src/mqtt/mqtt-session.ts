// What this process has published in one session of a broker. A broker may have lost all of it with the last session, so
// each session starts with the status and publishes everything that is known again, without waiting for records.
import { setTimeout as delay } from 'node:timers/promises';
import type { DeliveryLog, KnownVehicle } from '../shared/index.js';
import {
  type DeviceFacts,
  discoveryFilter,
  discoveryMessages,
  type HomeAssistantOptions,
  isOutdatedDiscovery,
  presenceDiscovery,
} from './home-assistant.js';
import type { MqttConnection, OutgoingMessage, Refusal } from './mqtt-connection.js';
import { knownMessages, type MqttMessage, type PublishedForm, presenceTopic } from './mqtt-messages.js';

export interface SessionOptions extends PublishedForm {
  qos: 0 | 1 | 2;
  retain: boolean;
  /** For `online`, `offline` and the last will. */
  statusTopic: string;
  /** Where 0.1 published its status. Removed if the broker still has it. */
  formerStatusTopic: string;
  homeAssistant?: Pick<HomeAssistantOptions, 'prefix' | 'supportUrl'> | undefined;
  log: DeliveryLog;
}

interface Vehicle extends DeviceFacts {
  /** Signals with announced entities, and PRESENCE. */
  announced: Set<string>;
}

/** The name of the presence among the signals. */
const PRESENCE = '@connectivity';

type Announcement = OutgoingMessage & { onRefused: () => void };

/** How long the broker may take to send what it has retained. */
const RETAINED_MS = 2_000;

export class MqttSession {
  readonly connection: MqttConnection;
  readonly #options: SessionOptions;
  readonly #vehicles = new Map<string, Vehicle>();
  /** Topics of which a newer message was published while the known values are being published; undefined: they are not. */
  #published: Set<string> | undefined;
  #isStatusRefused = false;
  #isRefusalLogged = false;

  constructor(connection: MqttConnection, options: SessionOptions) {
    this.connection = connection;
    this.#options = options;
    connection.client.on('message', (topic, payload, { retain }) => {
      if (retain && payload.length > 0 && this.#isOutdated(topic)) void this.#remove(topic);
    });
  }

  /** Publishes `online`. */
  async open(): Promise<void> {
    const refusal = await this.connection.publish(statusMessage(this.#options, 'online'));
    if (refusal === undefined) return;
    this.#isStatusRefused = true;
    this.#options.log.warn({ topic: refusal.topic, reason: refusal.reason }, 'mqtt_status_refused');
  }

  /** Removes what earlier versions left on the broker for good. Once per process is enough. */
  async removeFormerStatus(): Promise<void> {
    await this.#receiveRetained(this.#options.formerStatusTopic);
  }

  /** Publishes the messages of one record; resolves with the first refusal. */
  async publish(vin: string, messages: readonly MqttMessage[]): Promise<Refusal | undefined> {
    for (const { topic } of messages) this.#published?.add(topic);
    const refusals = await Promise.all(this.#send(vin, messages));
    return refusals.find((refusal) => refusal !== undefined);
  }

  /** One vehicle at a time, so that records in between need not wait long. */
  async publishKnown(vehicles: AsyncIterable<KnownVehicle>): Promise<void> {
    const published = new Set<string>();
    this.#published = published;
    try {
      for await (const vehicle of vehicles) {
        const messages = knownMessages(vehicle, this.#options).filter(({ topic }) => !published.has(topic));
        // of one task with the filter, so that nothing newer can be published in between
        const refusals = await Promise.all(this.#send(vehicle.vin, messages, vehicle.readings));
        for (const refusal of refusals) if (refusal) this.#logRefusal(refusal);
      }
    } finally {
      this.#published = undefined;
    }
  }

  /** Discovery first: Home Assistant then subscribes to the topic before or after its value, which is retained. */
  #send(
    vin: string,
    messages: readonly MqttMessage[],
    readings?: KnownVehicle['readings'],
  ): Promise<Refusal | undefined>[] {
    const { qos, retain, homeAssistant, base, hasPresence } = this.#options;
    const discovery = homeAssistant === undefined ? [] : this.#announce(vin, messages, readings);
    const presence = homeAssistant !== undefined && hasPresence ? presenceTopic(base, vin) : undefined;
    const values = messages.map(({ topic, payload }) => ({
      topic,
      payload,
      qos,
      // retained for Home Assistant, so that it knows the presence after its own restart
      retain: retain || topic === presence,
    }));
    return [
      ...discovery.map(async ({ onRefused, ...message }) => {
        const refusal = await this.connection.publish(message);
        if (refusal) onRefused();
        if (refusal) this.#logRefusal(refusal);
        return refusal;
      }),
      ...values.map((message) => this.connection.publish(message)),
    ];
  }

  /** The configurations of entities that are new, or of all when the facts of the device change. */
  #announce(vin: string, messages: readonly MqttMessage[], readings?: KnownVehicle['readings']): Announcement[] {
    const { homeAssistant, base, statusTopic, hasPresence } = this.#options;
    const options: HomeAssistantOptions = {
      ...homeAssistant!,
      base,
      statusTopic: this.#isStatusRefused ? undefined : statusTopic,
    };
    const known = this.#vehicles.get(vin);
    const vehicle: Vehicle = known ?? { announced: new Set() };
    if (known === undefined) {
      this.#vehicles.set(vin, vehicle);
      void this.#receiveRetained(discoveryFilter(vin, options.prefix));
    }
    const isChanged = learnDevice(vehicle, messages, readings);
    const wanted = [...(hasPresence ? [PRESENCE] : []), ...messages.flatMap(({ signal }) => signal ?? [])];
    const fresh = wanted.filter((signal) => !vehicle.announced.has(signal));
    for (const signal of fresh) vehicle.announced.add(signal);
    return [...(isChanged ? vehicle.announced : fresh)].flatMap((signal) => {
      const discovery =
        signal === PRESENCE
          ? [presenceDiscovery(vin, vehicle, options)]
          : discoveryMessages(vin, signal, vehicle, options);
      // announced again with the next record, which is not delivered without its entities
      const onRefused = () => vehicle.announced.delete(signal);
      return discovery.map((message) => ({ ...message, qos: this.#lastingQos, retain: true, onRefused }));
    });
  }

  #isOutdated(topic: string): boolean {
    const { formerStatusTopic, homeAssistant } = this.#options;
    if (topic === formerStatusTopic) return true;
    if (homeAssistant === undefined) return false;
    const vin = /\/fleetbridge_([^/]+)\/[^/]+\/config$/.exec(topic)?.[1];
    return vin !== undefined && this.#vehicles.has(vin) && isOutdatedDiscovery(vin, topic, homeAssistant.prefix);
  }

  /** An empty retained message removes a topic. */
  async #remove(topic: string): Promise<void> {
    const message = { topic, payload: '', qos: this.#lastingQos, retain: true };
    const refusal = await this.connection.publish(message).catch(() => undefined);
    if (refusal) this.#logRefusal(refusal);
  }

  /** A broker that does not let this client subscribe keeps what it has. */
  async #receiveRetained(filter: string): Promise<void> {
    const { client } = this.connection;
    try {
      await client.subscribeAsync(filter, { qos: 0 });
      await delay(RETAINED_MS, undefined, { ref: false });
      if (client.connected) await client.unsubscribeAsync(filter);
    } catch {}
  }

  /** Once per session: every record would repeat it. */
  #logRefusal({ topic, reason }: Refusal): void {
    if (this.#isRefusalLogged) return;
    this.#isRefusalLogged = true;
    this.#options.log.warn({ topic, reason }, 'mqtt_publish_refused');
  }

  get #lastingQos(): 0 | 1 {
    return lastingQos(this.#options);
  }
}

export function statusMessage(
  options: Pick<SessionOptions, 'statusTopic' | 'qos'>,
  status: 'online' | 'offline',
): OutgoingMessage {
  return { topic: options.statusTopic, payload: status, qos: lastingQos(options), retain: true };
}

function lastingQos({ qos }: Pick<SessionOptions, 'qos'>): 0 | 1 {
  return qos === 0 ? 0 : 1;
}

/** Whether a record or a snapshot changed the name or the version. An invalid one changes nothing. */
function learnDevice(
  vehicle: Vehicle,
  messages: readonly MqttMessage[],
  readings: KnownVehicle['readings'] | undefined,
): boolean {
  const latest = (signal: string) => {
    const payload = messages.find((message) => message.signal === signal)?.payload;
    return plainText(payload === undefined ? readings?.get(signal) : JSON.parse(String(payload)));
  };
  const name = latest('VehicleName') ?? vehicle.name;
  const version = latest('Version') ?? vehicle.version;
  const isChanged = name !== vehicle.name || version !== vehicle.version;
  vehicle.name = name;
  vehicle.version = version;
  return isChanged;
}

/** Without a second pair of quotes. */
function plainText(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const text = (/^\s*"(.*)"\s*$/s.exec(value)?.[1] ?? value).trim();
  return text === '' ? undefined : text;
}

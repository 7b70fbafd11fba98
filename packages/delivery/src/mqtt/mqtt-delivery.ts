// Delivery to an MQTT broker. Connects at its start and again whenever a session ends, because the broker has then
// published the last will and may have lost what it retained.
import type { LogEntry } from '@fleetbridge/store';
import {
  assertHeld,
  away,
  awayByConnection,
  DELIVERED,
  type Delivery,
  type DeliveryOutcome,
  type DeliveryWork,
  messageOf,
  OnDemandConnection,
  type OutgoingRecord,
  rejected,
} from '../shared/index.js';
import { type BrokerOptions, connectToBroker } from './mqtt-connection.js';
import { type MqttMessage, mqttMessages } from './mqtt-messages.js';
import { MqttSession, type SessionOptions, statusMessage } from './mqtt-session.js';

export type MqttOptions = SessionOptions & BrokerOptions;

const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 5_000;
/** A session that ends sooner counts as a failure, so that two clients with one id don't end each other's in a loop. */
const SHORT_SESSION_MS = 10_000;
const LEASE_CHECK_MS = 1_000;

export class MqttDelivery implements Delivery {
  readonly keepsLastValues = true;
  readonly #options: MqttOptions;
  readonly #connection: OnDemandConnection<MqttSession>;
  #work: DeliveryWork | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #failures = 0;
  #isAwayLogged = false;
  #isFormerStatusRemoved = false;
  #isStopped = false;

  constructor(options: MqttOptions) {
    this.#options = options;
    this.#connection = new OnDemandConnection({
      open: (onLost) => this.#open(onLost),
      close: ({ connection }) => connection.client.end(true),
      timeoutMs: options.timeoutMs,
    });
  }

  start(work: DeliveryWork): void {
    this.#work = work;
    this.#connectAfter(0);
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
      const refusal = await this.#connection.use((session) => {
        assertHeld(record);
        return session.publish(entry.vin, messages);
      });
      if (refusal === undefined) return DELIVERED;
      const error = new Error(`the broker refused ${refusal.topic}: ${refusal.reason}`);
      return refusal.isTemporary ? away(error) : rejected(error);
    } catch (error) {
      return awayByConnection(error);
    }
  }

  /** A clean disconnect does not trigger the last will, so `offline` is published here. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#retryTimer);
    await this.#connection.ifOpen(async ({ connection }) => {
      await connection.publish(statusMessage(this.#options, 'offline'));
      await connection.client.endAsync();
    });
    this.#connection.stop();
  }

  async #open(onLost: (error: Error) => void): Promise<MqttSession> {
    const will = statusMessage(this.#options, 'offline');
    const openedMs = performance.now();
    const connection = await connectToBroker(this.#options, will, (error) => {
      onLost(error);
      this.#failures = performance.now() - openedMs < SHORT_SESSION_MS ? this.#failures + 1 : 0;
      this.#connectAfter(this.#failures <= 1 ? 0 : this.#retryMs());
    });
    const session = new MqttSession(connection, this.#options);
    try {
      await session.open();
    } catch (error) {
      connection.client.end(true);
      throw error;
    }
    void this.#publishKnown(session);
    return session;
  }

  /** Failures end with the session, and the next session starts again. */
  async #publishKnown(session: MqttSession): Promise<void> {
    try {
      if (!this.#isFormerStatusRemoved) {
        this.#isFormerStatusRemoved = true;
        void session.removeFormerStatus();
      }
      if (this.#work) await session.publishKnown(this.#work.knownVehicles());
    } catch (error) {
      if (session.connection.client.connected && !this.#isStopped)
        this.#options.log.warn({ error: messageOf(error) }, 'mqtt_known_values_failed');
    }
  }

  #connectAfter(waitMs: number): void {
    clearTimeout(this.#retryTimer);
    if (this.#isStopped || this.#work === undefined) return;
    this.#retryTimer = setTimeout(() => void this.#connect(), waitMs);
  }

  async #connect(): Promise<void> {
    const { log } = this.#options;
    if (!this.#work?.isLeaseHeld()) return this.#connectAfter(LEASE_CHECK_MS);
    try {
      await this.#connection.use(async () => {});
      if (this.#isAwayLogged) log.info({}, 'mqtt_broker_reachable');
      this.#isAwayLogged = false;
    } catch (error) {
      if (this.#isStopped) return;
      if (!this.#isAwayLogged) log.warn({ error: messageOf(error) }, 'mqtt_broker_unreachable');
      this.#isAwayLogged = true;
      this.#failures++;
      this.#connectAfter(this.#retryMs());
    }
  }

  #retryMs(): number {
    return Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#failures, 10));
  }
}

/** The name under which its value is the last one (`isOutdated`). */
function nameOf(entry: LogEntry, { topic, signal }: MqttMessage): string {
  return entry.topic === 'connectivity' ? '@connectivity' : (signal ?? topic);
}

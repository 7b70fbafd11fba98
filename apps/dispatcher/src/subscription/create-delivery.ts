// The delivery that a definition asks for, one for each partition that is worked on.
import { readFileSync } from 'node:fs';
import type { Delivery } from '../delivery/index.js';
import {
  type Environment,
  KafkaDelivery,
  LogLinesDelivery,
  MqttDelivery,
  NatsDelivery,
  PushDelivery,
  secretText,
  tokenSigner,
} from '../delivery/index.js';
import type { SubscriptionDefinition } from './definition.js';

export interface DeliveryPlace {
  namespace: string;
  partition: number;
  env: Environment;
  now: () => number;
}

/** Throws when a secret or a key that the definition names is not there. */
export function createDelivery(definition: SubscriptionDefinition, place: DeliveryPlace): Delivery {
  const { name, topics, push, mqtt, nats, kafka, log } = definition;
  const { namespace, partition, env, now } = place;
  const signals = definition.signals && new Set(definition.signals);
  const form = definition.payload ?? 'protojson';
  const ackDeadlineMs = definition.ackDeadlineSeconds * 1000;
  if (push) {
    const { signedToken } = push;
    const bearer = push.token === undefined ? undefined : secretText(push.token, env);
    return new PushDelivery({
      url: push.url,
      subscription: name,
      form,
      signals,
      isWrapped: push.wrapped,
      headers: push.headers,
      token: signedToken ? tokenSigner(signedToken, now) : bearer === undefined ? undefined : () => bearer,
      ackDeadlineMs,
      maxSockets: push.connections,
    });
  }
  const secret = (given: string | undefined) => (given === undefined ? undefined : secretText(given, env));
  // the same for every owner of this partition of this subscription, and for nobody else
  const clientId = `fleetbridge-${namespace}-${name}-${partition}`;
  if (mqtt) {
    const { homeAssistant } = mqtt;
    const prefix = typeof homeAssistant === 'object' ? homeAssistant.prefix : 'homeassistant';
    return new MqttDelivery({
      url: mqtt.url,
      username: mqtt.username,
      password: secret(mqtt.password),
      ca: mqtt.caFile === undefined ? undefined : readFileSync(mqtt.caFile),
      clientId,
      base: mqtt.base,
      qos: mqtt.qos,
      retain: mqtt.retain,
      signals,
      statusTopic: `${mqtt.base}/bridge/${name}/${partition}`,
      homeAssistant: homeAssistant ? { prefix, hasConnectivity: topics.includes('connectivity') } : undefined,
      ackDeadlineMs,
    });
  }
  if (nats) {
    const { servers, username: user, password, token, stream } = nats;
    const access = { user, pass: secret(password), token: secret(token) };
    return new NatsDelivery({ servers, ...access, name: clientId, namespace, stream, form, signals, ackDeadlineMs });
  }
  if (kafka) {
    const { brokers, acks, tls, username, mechanism } = kafka;
    const password = secret(kafka.password);
    return new KafkaDelivery({
      brokers,
      clientId,
      namespace,
      acks,
      tls: tls ? { caFile: kafka.caFile } : undefined,
      sasl: username === undefined || password === undefined ? undefined : { mechanism, username, password },
      form,
      signals,
      ackDeadlineMs,
    });
  }
  if (log) return new LogLinesDelivery({ ...log, signals });
  throw new Error(`${name} has no delivery`);
}

// The delivery of a definition, found in the table of kinds.
import { deliveryKinds } from '../kinds.js';
import { type Delivery, type DeliveryKind, type DeliveryLog, type Environment, secretText } from '../shared/index.js';
import type { SubscriptionDefinition } from './definition.js';

export interface DeliveryEnvironment {
  namespace: string;
  partition: number;
  env: Environment;
  now: () => number;
  log: DeliveryLog;
}

/** One delivery per partition. Rejects when a secret or a key file that the definition names is missing. */
export async function createDelivery(
  definition: SubscriptionDefinition,
  { namespace, partition, env, now, log }: DeliveryEnvironment,
): Promise<Delivery> {
  const { name, topics, signals, payload, ackDeadlineSeconds } = definition;
  const { kind, settings } = deliveryOf(definition);
  return await kind.create(settings, {
    subscription: name,
    topics,
    signals: signals && new Set(signals),
    form: payload ?? 'protojson',
    ackDeadlineMs: ackDeadlineSeconds * 1000,
    namespace,
    partition,
    clientId: `fleetbridge-${namespace}-${name}-${partition}`,
    now,
    log: {
      info: (facts, event) => log.info({ subscription: name, partition, ...facts }, event),
      warn: (facts, event) => log.warn({ subscription: name, partition, ...facts }, event),
    },
    secret: <T extends string | undefined>(given: T) => (given === undefined ? undefined : secretText(given, env)) as T,
  });
}

/** Records sent at once per partition; undefined: no limit of its own. */
export function maxInFlightOf(definition: SubscriptionDefinition): number | undefined {
  const { kind, settings } = deliveryOf(definition);
  return kind.maxInFlight?.(settings);
}

/** The kind that a definition names, checked or not; undefined if it has no delivery. */
export function deliveryKindOf(definition: unknown): DeliveryKind | undefined {
  return deliveryKinds.find(({ name }) => Object.hasOwn(Object(definition), name));
}

function deliveryOf(definition: SubscriptionDefinition): { kind: DeliveryKind; settings: unknown } {
  const kind = deliveryKindOf(definition);
  if (kind === undefined) throw new Error(`${definition.name} has no delivery`);
  return { kind, settings: (definition as unknown as Record<string, unknown>)[kind.name] };
}

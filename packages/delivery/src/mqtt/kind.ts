// Delivery to an MQTT broker: settings, flags, factory.
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { defineDeliveryKind, isUrlOf, SECRET_DESCRIPTION } from '../shared/index.js';

const schema = z.strictObject({
  url: z
    .string()
    .refine(
      (text) => isUrlOf(text, ['mqtt:', 'mqtts:', 'ws:', 'wss:']),
      'expected a URL that starts with mqtt://, mqtts://, ws:// or wss://',
    )
    .describe('URL of the broker.'),
  username: z.string().optional().describe('User name for the broker.'),
  password: z.string().optional().describe(`Password for the broker. ${SECRET_DESCRIPTION}`),
  base: z
    .string()
    .regex(/^[^#+\0]+$/, 'expected a topic without # and +')
    .default('fleetbridge')
    .describe('Prefix of every topic.'),
  statusTopic: z
    .string()
    .min(1)
    .regex(/^[^#+\0]+$/, 'expected a topic without # and +')
    .optional()
    .describe(
      'Topic of `online` and `offline` (last will). Default: `<base>_bridge/<name>/<partition>`. Partitions other than 0 append `/<partition>`.',
    ),
  qos: z
    .union([z.literal(0), z.literal(1), z.literal(2)])
    .default(1)
    .describe('Quality of service. With 0 a record counts as delivered when it is sent.'),
  retain: z.boolean().default(true).describe('Whether the broker keeps the last value of each topic.'),
  homeAssistant: z
    .union([
      z.boolean(),
      z.strictObject({
        prefix: z
          .string()
          .min(1)
          .default('homeassistant')
          .describe("Discovery prefix, as in Home Assistant's settings."),
        supportUrl: z
          .url({ protocol: /^https?$/ })
          .optional()
          .describe('Address that Home Assistant shows as the support page of the entities.'),
      }),
    ])
    .default(false)
    .describe(
      "Announces each vehicle as a device with Home Assistant's MQTT discovery. `{ prefix }` sets another discovery prefix.",
    ),
  caFile: z.string().min(1).optional().describe('CA certificates of the broker, PEM, for mqtts://.'),
});

export const mqtt = defineDeliveryKind({
  name: 'mqtt',
  description: 'To an MQTT broker.',
  schema,
  flags: {
    usage: '--mqtt <url> [--home-assistant]',
    options: { mqtt: { type: 'string' }, 'home-assistant': { type: 'boolean' } },
    // without a URL the schema reports that it is missing
    settings: ({ mqtt: url, 'home-assistant': isHomeAssistant }) => {
      if (url === undefined && isHomeAssistant !== true) return undefined;
      return { url, ...(isHomeAssistant === true ? { homeAssistant: true } : {}) };
    },
  },
  create: async ({ url, username, password, base, statusTopic, qos, retain, homeAssistant, caFile }, context) => {
    const { subscription, partition, topics, signals, clientId, ackDeadlineMs, secret, log } = context;
    const discovery = typeof homeAssistant === 'object' ? homeAssistant : { prefix: 'homeassistant' };
    const access = {
      username,
      password: secret(password),
      ca: caFile === undefined ? undefined : readFileSync(caFile),
    };
    const { MqttDelivery } = await import('./mqtt-delivery.js');
    return new MqttDelivery({
      url,
      ...access,
      clientId,
      base,
      qos,
      retain,
      signals,
      hasValues: topics.includes('V'),
      hasPresence: topics.includes('connectivity'),
      statusTopic: statusTopicOf(statusTopic, { base, subscription, partition }),
      formerStatusTopic: `${base}/bridge/${subscription}/${partition}`,
      homeAssistant: homeAssistant ? discovery : undefined,
      timeoutMs: ackDeadlineMs,
      log,
    });
  },
});

function statusTopicOf(
  given: string | undefined,
  { base, subscription, partition }: { base: string; subscription: string; partition: number },
): string {
  if (given === undefined) return `${base.replace(/\/+$/, '')}_bridge/${subscription}/${partition}`;
  return partition === 0 ? given : `${given}/${partition}`;
}

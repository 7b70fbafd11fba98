// Delivery to Kafka: settings, flags, factory.
import { z } from 'zod';
import { defineDeliveryKind, SECRET_DESCRIPTION } from '../shared/index.js';

const schema = z.strictObject({
  brokers: z
    .array(z.string().regex(/^[^:\s]+:\d+$/, 'expected host:port'))
    .min(1)
    .describe('`host:port` of brokers to begin with.'),
  acks: z
    .enum(['all', 'leader'])
    .default('all')
    .describe('Who must have a record. `all` comes with the idempotent producer.'),
  tls: z.boolean().default(false).describe('TLS to the brokers.'),
  caFile: z.string().min(1).optional().describe('CA of the brokers, with `tls`.'),
  username: z.string().optional().describe('SASL, with `mechanism`.'),
  password: z.string().optional().describe(SECRET_DESCRIPTION),
  mechanism: z.enum(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']).default('PLAIN').describe('Of SASL.'),
});

export const kafka = defineDeliveryKind({
  name: 'kafka',
  description: 'To Kafka.',
  schema,
  flags: {
    usage: '--kafka <host:port>',
    options: { kafka: { type: 'string', multiple: true } },
    settings: ({ kafka: brokers }) => (brokers === undefined ? undefined : { brokers }),
  },
  create: async ({ brokers, acks, tls, caFile, username, mechanism, ...settings }, context) => {
    const { clientId, namespace, form, signals, ackDeadlineMs, secret } = context;
    const password = secret(settings.password);
    const { KafkaDelivery } = await import('./kafka-delivery.js');
    return new KafkaDelivery({
      brokers,
      clientId,
      namespace,
      acks,
      tls: tls ? { caFile } : undefined,
      sasl: username === undefined || password === undefined ? undefined : { mechanism, username, password },
      form,
      signals,
      ackDeadlineMs,
    });
  },
});

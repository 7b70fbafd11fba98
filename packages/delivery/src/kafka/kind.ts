// Delivery to Kafka: settings, flags, factory.
import { z } from 'zod';
import { defineDeliveryKind, SECRET_DESCRIPTION } from '../shared/index.js';

const schema = z.strictObject({
  brokers: z
    .array(z.string().regex(/^[^:\s]+:\d+$/, 'expected host:port'))
    .min(1)
    .describe('Bootstrap brokers, `host:port`.'),
  acks: z
    .enum(['all', 'leader'])
    .default('all')
    .describe('Replicas that must store a record before it is acknowledged. `all` enables the idempotent producer.'),
  tls: z.boolean().default(false).describe('Connect with TLS.'),
  caFile: z.string().min(1).optional().describe('CA certificates of the brokers, PEM, with `tls`.'),
  username: z.string().optional().describe('SASL user name.'),
  password: z.string().optional().describe(`SASL password. ${SECRET_DESCRIPTION}`),
  mechanism: z.enum(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']).default('PLAIN').describe('SASL mechanism.'),
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

// Delivery to NATS JetStream: settings, flags, factory.
import { z } from 'zod';
import { defineDeliveryKind, SECRET_DESCRIPTION } from '../shared/index.js';

const schema = z.strictObject({
  servers: z.array(z.string().min(1)).min(1).describe('Servers to connect to, `nats://host:port`.'),
  username: z.string().optional().describe('User name.'),
  password: z.string().optional().describe(`Password. ${SECRET_DESCRIPTION}`),
  token: z.string().optional().describe(`Authentication token. ${SECRET_DESCRIPTION}`),
  stream: z
    .string()
    .regex(/^[\w-]+$/, 'expected letters, digits, _ or -')
    .optional()
    .describe('JetStream stream, created over `<namespace>.>` if it does not exist.'),
});

export const nats = defineDeliveryKind({
  name: 'nats',
  description: 'To NATS JetStream.',
  schema,
  flags: {
    usage: '--nats <url>',
    options: { nats: { type: 'string', multiple: true } },
    settings: ({ nats: servers }) => (servers === undefined ? undefined : { servers }),
  },
  create: async ({ servers, username: user, password, token, stream }, context) => {
    const { clientId: name, namespace, form, signals, ackDeadlineMs, secret } = context;
    const access = { user, pass: secret(password), token: secret(token) };
    const { NatsDelivery } = await import('./nats-delivery.js');
    return new NatsDelivery({ servers, ...access, name, namespace, stream, form, signals, ackDeadlineMs });
  },
});

// Delivery as lines of JSON: settings, flags, factory.
import { z } from 'zod';
import { defineDeliveryKind } from '../shared/index.js';

const settings = z.strictObject({
  file: z.string().min(1).optional().describe('File to append to; default: stdout.'),
});

export const log = defineDeliveryKind({
  name: 'log',
  description: 'Lines of JSON; `log: true` for stdout.',
  schema: z.union([z.literal(true).transform((): z.output<typeof settings> => ({})), settings]),
  flags: {
    usage: '--log',
    options: { log: { type: 'boolean' } },
    settings: ({ log }) => log,
  },
  create: async ({ file }, { signals }) => {
    const { LogDelivery } = await import('./log-delivery.js');
    return new LogDelivery({ file, signals });
  },
});

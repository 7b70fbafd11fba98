// Delivery by HTTP POST: settings, flags, factory.
import { z } from 'zod';
import { defineDeliveryKind, isUrlOf, NOT_IN_HEADER, SECRET_DESCRIPTION } from '../shared/index.js';

const UNUSABLE_IN_HEADER = 'expected a text without line breaks and other control characters, as HTTP requires';

const signedToken = z
  .strictObject({
    audience: z.string().min(1).describe('`aud` of the token.'),
    issuer: z.string().min(1).default('https://accounts.google.com').describe('`iss` of the token.'),
    serviceAccount: z.email().describe('`email` and `sub` of the token.'),
    keyFile: z.string().min(1).describe('Private key, PEM: RSA, P-256 or Ed25519.'),
    keyId: z.string().min(1).optional().describe('`kid` of the token, by which the server finds the public key.'),
  })
  .describe('Instead of `token`: an OIDC token as Google signs it, renewed every hour.');

const schema = z
  .strictObject({
    url: z
      .string()
      .refine((text) => isUrlOf(text, ['http:', 'https:']), 'expected a URL that starts with http:// or https://')
      .describe('URL to which each record is posted.'),
    wrapped: z
      .boolean()
      .default(true)
      .describe("`true`: Pub/Sub's envelope. `false`: the payload as the body, everything else in headers."),
    headers: z
      .record(
        z.string().regex(/^[\w-]+$/, 'expected a header name: letters, digits, _ or -'),
        z.string().refine((text) => !NOT_IN_HEADER.test(text), UNUSABLE_IN_HEADER),
      )
      .default({})
      .describe('Headers of each request.'),
    token: z.string().min(1).optional().describe(`Bearer token. ${SECRET_DESCRIPTION}`),
    signedToken: signedToken.optional(),
    connections: z.int().min(1).max(1_000).default(100).describe('Concurrent requests per partition.'),
  })
  .refine(({ token, signedToken }) => token === undefined || signedToken === undefined, {
    message: 'token and signedToken exclude each other; remove one of them',
    path: ['token'],
  });

export const push = defineDeliveryKind({
  name: 'push',
  description: 'HTTP POST.',
  schema,
  flags: {
    usage: '--push <url>',
    options: { push: { type: 'string' } },
    settings: ({ push: url }) => (url === undefined ? undefined : { url }),
  },
  maxInFlight: ({ connections }) => connections,
  create: async ({ url, wrapped, headers, token, signedToken, connections }, context) => {
    const { subscription, form, signals, ackDeadlineMs, secret, now } = context;
    const bearer = secret(token);
    if (bearer !== undefined && NOT_IN_HEADER.test(bearer)) throw new Error(`push.token: ${UNUSABLE_IN_HEADER}`);
    const { PushDelivery } = await import('./push-delivery.js');
    const signer = signedToken && (await import('./signed-token.js')).tokenSigner(signedToken, now);
    return new PushDelivery({
      url,
      subscription,
      form,
      signals,
      isWrapped: wrapped,
      headers,
      token: signer ?? (bearer === undefined ? undefined : () => bearer),
      ackDeadlineMs,
      maxSockets: connections,
    });
  },
});

// Clients of the streaming server: who may read, and the keys that verify their tokens.
import { commaList, flag, oneOf, secret, text } from '../values/index.js';
import { setting } from './setting.js';

/** Issuers of Tesla's tokens: for the Owner API and the Fleet API, with and without `/nts`, and the same in China. */
export const teslaIssuers = ['auth.tesla.com', 'fleet-auth.tesla.com', 'auth.tesla.cn', 'fleet-auth.tesla.cn'].flatMap(
  (host) => [`https://${host}/oauth2/v3`, `https://${host}/oauth2/v3/nts`],
);

export const accessSettings = {
  AUTH: setting({
    value: oneOf(['token', 'none']).default('token'),
    readBy: ['streaming', 'gateway', 'up'],
    description: '`none`: no token is needed, so every client that can connect receives everything.',
  }),
  AUTH_NONE_ANYWHERE: setting({
    value: flag().default(false),
    readBy: ['streaming', 'gateway', 'up'],
    description: '`on`: allows `AUTH=none` on addresses other than loopback.',
  }),
  BRIDGE_TOKEN: setting({
    value: secret().optional(),
    readBy: ['streaming', 'gateway', 'up'],
    description: 'A token that is accepted for every VIN; `fleetbridge token create` makes more.',
    details: [
      'Without it, `up` creates one at its first start and keeps it in `DATA_DIR/tokens`. With fewer than 20 characters it',
      'is refused to a client address after 20 wrong tokens, since it can be guessed; streaming then warns at its start.',
    ].join('\n'),
  }),
  TESLA_ACCOUNTS: setting({
    value: commaList().default([]),
    readBy: ['streaming', 'gateway', 'up'],
    description: 'Tesla accounts (`sub`) whose own access tokens are accepted; also `fleetbridge token trust`.',
  }),
  TESLA_JWKS: setting({
    value: text({ expected: 'a URL or the path of a file', summary: 'URL or path' }).default(
      'https://auth.tesla.com/oauth2/v3/discovery/thirdparty/keys',
    ),
    readBy: ['streaming', 'gateway'],
    description: "Keys that verify Tesla's tokens. In China: those of auth.tesla.cn.",
  }),
  TESLA_ISSUERS: setting({
    value: commaList().default(teslaIssuers),
    readBy: ['streaming', 'gateway'],
    description: "Accepted issuers of Tesla's tokens.",
  }),
  TRUSTED_PROXIES: setting({
    value: commaList().default([]),
    readBy: ['streaming', 'gateway'],
    description: 'Addresses and networks whose `X-Forwarded-For` is trusted.',
    details: 'The limit for invalid tokens is per client address, so it must be the address of the client.',
    example: '10.0.0.0/8',
  }),
};

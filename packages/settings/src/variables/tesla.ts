// Tesla's side: the application, the region of the account, and other addresses in place of Tesla's.
import { filePath, hostName, oneOf, origin, secret, text, url } from '../values/index.js';
import { setting } from './setting.js';

export const teslaSettings = {
  DOMAIN: setting({
    value: hostName().optional(),
    readBy: ['cli'],
    description: 'The domain that is registered with Tesla. It serves the public key of the application.',
    details: 'Docker Compose also uses it as the default of `TELEMETRY_HOST` and `STREAMING_HOST`.',
    example: 'cars.example.com',
  }),
  TESLA_CLIENT_ID: setting({
    value: text().optional(),
    readBy: ['cli'],
    description: 'Client id of the application on developer.tesla.com. Default: the one that `setup` has stored.',
  }),
  TESLA_CLIENT_SECRET: setting({
    value: secret().optional(),
    readBy: ['cli'],
    description: 'Client secret of the application. Default: the one that `setup` has stored.',
  }),
  TESLA_KEY_FILE: setting({
    value: filePath().optional(),
    readBy: ['cli'],
    description:
      'Private key of the application (PEM), if there is one already. `setup` copies it to `DATA_DIR/tesla`.',
    example: '/config/private-key.pem',
  }),
  TESLA_REDIRECT_URL: setting({
    value: url({ protocols: ['https:', 'http:'] }).optional(),
    readBy: ['cli'],
    description: 'The address at which the browser ended after the sign-in, for `setup`.',
  }),
  TESLA_REGION: setting({
    value: oneOf(['na', 'eu', 'cn']).optional(),
    readBy: ['gateway', 'cli'],
    description: 'Region of the Tesla account. Default: Tesla names it; in China it must be `cn`.',
    details: '`na`: North America, Asia and the Pacific. `eu`: Europe, Middle East and Africa. `cn`: China.',
  }),
  FLEET_API_URL: setting({
    value: origin().optional(),
    readBy: ['gateway', 'cli'],
    description: "Origin of the Fleet API, for a stand-in. Default: Tesla's of the region.",
    details: 'Tokens are then sent to this host only, also when it names another region.',
    example: 'https://localhost:8085',
  }),
  FLEET_AUTH_URL: setting({
    value: origin().optional(),
    readBy: ['gateway', 'cli'],
    description: 'Origin of the sign-in with `/oauth2/v3/authorize` and `/oauth2/v3/token`, for a stand-in.',
    example: 'https://localhost:8085',
  }),
  FLEET_CA_FILE: setting({
    value: filePath().optional(),
    readBy: ['gateway', 'cli'],
    description: 'CA certificates (PEM) of `FLEET_API_URL` and `FLEET_AUTH_URL`. Default: those of the system.',
    example: 'data/pki/server-ca.pem',
  }),
};

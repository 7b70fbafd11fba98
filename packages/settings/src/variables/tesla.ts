// Tesla's side: the region of the account, and other addresses in place of Tesla's.
import { filePath, oneOf, origin } from '../values/index.js';
import { setting } from './setting.js';

export const teslaSettings = {
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

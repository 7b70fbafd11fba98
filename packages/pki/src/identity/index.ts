export {
  type Identity,
  type IdentityRefusal,
  type IdentityRefusalReason,
  identityFromCertificate,
  isDeviceId,
} from './identity.js';
export type { ClientType } from './identity-tables.js';

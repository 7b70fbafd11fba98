export {
  type ApplicationKeyPair,
  applicationKeyFile,
  applicationKeyFromPem,
  importApplicationKey,
  loadApplicationKey,
  loadOrCreateApplicationKey,
  type PublicKeyForms,
} from './application-key.js';

// The Tesla account of an installation: its tokens, encrypted in Redis, and the keys in DATA_DIR/tesla.
export { readApplication, type TeslaApplication, writeApplication } from './application/index.js';
export {
  type ApplicationKeyPair,
  applicationKeyFile,
  applicationKeyFromPem,
  importApplicationKey,
  loadApplicationKey,
  loadOrCreateApplicationKey,
  type PublicKeyForms,
} from './application-key/index.js';
export {
  connectTesla,
  type TeslaConnection,
  type TeslaConnectionOptions,
  type TeslaSettings,
} from './connection/index.js';
export { type AccountProblem, accountProblems, TeslaAccountError } from './errors/index.js';
export { type AccountState, createTeslaAccount, type TeslaAccount, type TeslaAccountOptions } from './tokens/index.js';

export {
  Access,
  type AccessOptions,
  type Authorization,
  ClientAccess,
  type RefusalReason,
  type Verdict,
} from './access.js';
export { ClientUses } from './client-uses.js';
export { type Grant, grantsCommand, grantsScope, grantsVehicle } from './grant.js';
export { bareToken, isGuessable, requestToken } from './presented-token.js';
export { defaultScopes, parseScopes, type Scope, scopes, scopesOf } from './scopes.js';

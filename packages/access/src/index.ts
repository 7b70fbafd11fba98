// The interface of @fleetbridge/access: who may do what, from which addresses, and how often a client may fail.
export {
  type AddressOf,
  type BindPolicy,
  bindAddress,
  createAddressOf,
  createNetworkSet,
  isBindAllowed,
  type Network,
  parseNetwork,
} from './addresses/index.js';
export {
  admitConnection,
  type ConnectionGuard,
  type ConnectionGuardOptions,
  type GuardLimits,
  guardAdminPort,
  guardConnections,
  guardedTimeouts,
  type HandshakeCounts,
} from './guard/index.js';
export { KeySet, KeysUnavailable, SignatureChecks, TeslaTokens } from './jwt/index.js';
export { BoundedMap, FailureLimit, FailureLog, TokenBucket, type TokenBucketLimit } from './limits/index.js';
export {
  Access,
  type AccessOptions,
  type Authorization,
  bareToken,
  ClientAccess,
  ClientUses,
  defaultScopes,
  type Grant,
  grantsCommand,
  grantsScope,
  grantsVehicle,
  isGuessable,
  parseScopes,
  type RefusalReason,
  requestToken,
  type Scope,
  scopes,
  type Verdict,
} from './tokens/index.js';

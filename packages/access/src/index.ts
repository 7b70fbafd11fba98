// The door of @fleetbridge/access: who may read what, and how often one address may be wrong.
export {
  type AddressOf,
  type BindPolicy,
  bindAddress,
  createAddressOf,
  createNetworkSet,
  isBindAllowed,
  type Network,
  parseNetwork,
  plainAddress,
  rateLimitKey,
} from './addresses/index.js';
export {
  Access,
  type AccessOptions,
  bareToken,
  ClientAccess,
  type Grant,
  grantsVehicle,
  type RefusalReason,
  requestToken,
  type Verdict,
} from './access.js';
export { KeySet, KeysUnavailable, TESLA_KEYS_URL, TeslaTokens, teslaIssuers } from './jwt/index.js';
export { BoundedMap, FailureLimit, TokenBucket, type TokenBucketLimit } from './limits/index.js';

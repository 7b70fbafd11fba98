export { type BindPolicy, bindAddress, isBindAllowed } from './bind-policy.js';
export { type AddressOf, createAddressOf } from './client-address.js';
export { createNetworkSet, type Network, parseNetwork, plainAddress, rateLimitKey } from './networks.js';

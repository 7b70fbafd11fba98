export { KeySet, KeysUnavailable } from './key-set.js';
export { TeslaTokens } from './tesla-tokens.js';

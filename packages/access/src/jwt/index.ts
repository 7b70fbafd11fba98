export { KeySet, KeysUnavailable } from './key-set.js';
export { TESLA_KEYS_URL, TeslaTokens, teslaIssuers } from './tesla-tokens.js';

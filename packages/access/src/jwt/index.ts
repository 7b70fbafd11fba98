export { KeySet, KeysUnavailable } from './key-set.js';
export { SignatureChecks } from './signature-checks.js';
export { type TeslaTokenResult, TeslaTokens } from './tesla-tokens.js';

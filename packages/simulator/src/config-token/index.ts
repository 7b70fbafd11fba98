export { type ConfigToken, isSignatureValid, readConfigToken } from './config-token.js';

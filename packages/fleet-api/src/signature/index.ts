export { type ConfigurationClaims, signConfiguration } from './configuration-token.js';
export { type ApplicationKey, signSchnorr } from './schnorr.js';

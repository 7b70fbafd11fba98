// The interface of @fleetbridge/fleet-api: the client's side of Tesla's Fleet API.
export { type ApplicationKey, type ConfigurationClaims, signConfiguration, signSchnorr } from './signature/index.js';

// The interface of @fleetbridge/fleet-api: the client's side of Tesla's Fleet API.
export type {
  AccessTokens,
  BeforeSend,
  CallKind,
  CallLimits,
  CountedCall,
  Endpoint,
  JsonObject,
} from './calls/index.js';
export type {
  CommandLimit,
  ConfigurationRequest,
  OwnerApi,
  PartnerApi,
  RawAnswer,
  SentConfiguration,
  SkippedVehicle,
  TelemetryReport,
  VehicleStatus,
  VehicleSummary,
} from './endpoints/index.js';
export {
  type ConfigurationState,
  type Delivery,
  FleetApiError,
  type Problem,
  problemOfAnswer,
  problemOfClaims,
  problemOfReport,
  problemOfSkipped,
  problemOfState,
  problemOfStatus,
  problems,
  type Remedy,
} from './errors/index.js';
export { createFleetApi, type FleetApi, type FleetApiOptions } from './fleet-api.js';
export { type Clock, systemClock } from './http/index.js';
export {
  type Application,
  commandScopes,
  type OwnerTokens,
  ownerScopes,
  partnerScopes,
  type RedirectResult,
  readRedirect,
  readTokenClaims,
  type TokenClaims,
} from './oauth/index.js';
export type { Region } from './regions/index.js';
export { type ApplicationKey, type ConfigurationClaims, signConfiguration, signSchnorr } from './signature/index.js';

export type { AccountState, Application, TelemetryError, VehicleState } from './account.js';
export type { Answer as TeslaApiAnswer, Region as TeslaRegion } from './answer.js';
export type { Call as TeslaApiCall, Calls as TeslaApiCalls } from './calls.js';
export type { Endpoint as TeslaEndpoint } from './endpoints.js';
export type { Fault as TeslaFault, FaultPlay as TeslaFaultPlay, Faults as TeslaFaults } from './faults.js';
export type { FetchPublicKey } from './partner.js';
export type { OnCommand, OnSignedCommand } from './respond.js';
export { startTeslaApi, type TeslaApiOptions, type TeslaApiVehicle } from './start-tesla-api.js';
export type { TeslaApi, TeslaApiVehicleView } from './tesla-api.js';

export type { Computer, Execution } from './domain.js';
export {
  type AnswerFlaw,
  type Fault,
  type Faults,
  httpFaults,
  type PlayedFault,
  payloads,
  type SessionInfoFlaw,
} from './faults.js';
export {
  type CommandFleet,
  type CommandFleetOptions,
  createCommandFleet,
  type FleetAnswer,
  type FleetCall,
  type FleetReply,
} from './fleet.js';
export { type CallLimit, createFleetClient, type FleetClient, type FleetClientOptions } from './fleet-client.js';
export { type FleetServer, type FleetServerOptions, sendFleetReply, startFleetServer } from './fleet-server.js';
export {
  type CommandVehicle,
  type CommandVehicleOptions,
  createCommandVehicle,
  type Protocol,
  type Sleep,
} from './vehicle.js';

// All commands, in the order of `fleetbridge --help`. A new command is a file here and an entry in this table.
import type { CommandEntry } from './command.js';
import { completionOf } from './completion.js';

export const commands: Readonly<Record<string, CommandEntry>> = {
  up: {
    summary: 'run all services on this machine: Redis, dispatcher, ingest, streaming, gateway, simulated vehicles',
    load: async () => (await import('./up.js')).up,
  },
  setup: {
    summary: 'set up the vehicles at Tesla, from a developer account to the first record',
    load: async () => (await import('./tesla/index.js')).setup,
  },
  doctor: {
    summary: 'check the installation: names, ports, certificates, Tesla, vehicles, Redis; a remedy for each finding',
    load: async () => (await import('./tesla/index.js')).doctor,
  },
  simulate: {
    summary: 'connect simulated vehicles to ingest',
    load: async () => (await import('./simulate.js')).simulate,
  },
  tail: {
    summary: 'print the records of the log, decoded, as they arrive',
    load: async () => (await import('./tail.js')).tail,
  },
  token: {
    summary: 'create, list and revoke access tokens of streaming and gateway',
    load: async () => (await import('./token.js')).token,
  },
  teslamate: {
    summary: 'connect a TeslaMate: its environment and the texts to sign in with; check that it polls and streams',
    load: async () => (await import('./gateway/index.js')).teslamate,
  },
  snapshot: {
    summary: 'rebuild the snapshots of all vehicles from the log',
    load: async () => (await import('./snapshot.js')).snapshot,
  },
  subscription: {
    summary: "list, create, control and inspect the dispatcher's subscriptions",
    load: async () => (await import('./subscription.js')).subscription,
  },
  vehicle: {
    summary: 'allow and deny vehicles at run time',
    load: async () => (await import('./vehicle.js')).vehicle,
  },
  command: {
    summary:
      'send a vehicle command through the gateway, such as door_lock; list all commands, and those that were sent',
    load: async () => (await import('./vehicle-command/index.js')).command,
  },
  seed: {
    summary: 'give the gateway a saved vehicle_data document, for fields that telemetry lacks',
    load: async () => (await import('./gateway/index.js')).seed,
  },
  coverage: {
    summary:
      'show which fields of vehicle_data telemetry fills for a vehicle, and what TeslaMate loses without the others',
    load: async () => (await import('./gateway/index.js')).coverage,
  },
  config: {
    summary: 'show, compare, send and delete telemetry configurations',
    load: async () => (await import('./telemetry/index.js')).config,
  },
  cost: {
    summary: "show what telemetry and Tesla's API cost in this month, with a forecast",
    load: async () => (await import('./telemetry/index.js')).cost,
  },
  forget: {
    summary: 'delete all stored data of a vehicle',
    load: async () => (await import('./forget.js')).forget,
  },
  ca: {
    summary: "show the development CA, or download Tesla's vehicle CAs",
    load: async () => (await import('./ca.js')).ca,
  },
  cert: {
    summary: 'create a development certificate for a vehicle or for the servers',
    load: async () => (await import('./cert.js')).cert,
  },
  migrate: {
    summary: "write .env and subscriptions.yaml from a configuration of Tesla's Go server",
    load: async () => (await import('./migrate.js')).migrate,
  },
  completion: {
    summary: 'print a script that completes commands in bash, zsh or fish',
    load: () => completionOf(() => commands),
  },
};

export { createCommandAccount } from './command-account.js';
export { commandPaths, wakingOperation } from './openapi.js';
export { addCommandRoutes, type CommandRoutesOptions } from './routes.js';
export { TelemetryView } from './telemetry-view.js';
export type { CommandAccount, UnusableAccount, Upstream } from './upstream.js';
export { type CommandObserver, VehicleCommands } from './vehicle-commands.js';

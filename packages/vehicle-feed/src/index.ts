// The interface of @fleetbridge/vehicle-feed: the present state of vehicles, from their snapshots and the log.
export { type CatchUpOptions, catchUp } from './catch-up.js';
export { DeletedVehicles, type DeletedVehiclesOptions, type RecordSince } from './deleted-vehicles.js';
export { decodedOrUndefined } from './entry-decoding.js';
export { LiveVehicle } from './live-vehicle.js';
export { LiveVehicles, type LiveVehiclesOptions } from './live-vehicles.js';
export { type FeedCounts, LogFeed, type LogFeedOptions } from './log-feed.js';

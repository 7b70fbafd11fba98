export { Elevation } from './elevation.js';
export { Feeds, type FeedsOptions } from './feeds.js';
export { type Frame, hasShiftLetter, isDriving, withoutShiftLetter } from './frame.js';
export type { FrameRequest } from './frame-messages.js';
export { frameBeforeDrive, planReplay, Replay } from './replay.js';
export { type FeedListener, VehicleFeed } from './vehicle-feed.js';
export { type PresentVehicle, Vehicles } from './vehicles.js';

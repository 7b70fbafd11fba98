export { ownerPace, type Pace } from './pace.js';
export { SilentWebSocket } from './silent-socket.js';
export { Subscriber } from './subscriber.js';
export { createTagLookup, createVinOf, parseVehicleIds } from './vehicle-ids.js';

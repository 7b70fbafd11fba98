export { SilentWebSocket } from './silent-socket.js';
export { ownerPace, type Pace, Subscriber } from './subscriber.js';
export { createVinOf, parseVehicleIds } from './vehicle-ids.js';

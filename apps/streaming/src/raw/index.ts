export { startRawSubscriber } from './raw-subscriber.js';

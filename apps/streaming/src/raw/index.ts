export { type RawClient, startRawSubscriber } from './raw-subscriber.js';

export { addPubsubPush } from './pubsub-push.js';
export { PubsubSender } from './pubsub-sender.js';

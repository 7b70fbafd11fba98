export { createPublishedKey, type PublishedKey } from './published-key.js';
export { addPublicKeyRoute, PUBLIC_KEY_PATH } from './route.js';

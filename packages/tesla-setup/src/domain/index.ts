export { PUBLIC_KEY_PATH, publicKeyHex } from './public-key.js';
export { rootOf } from './root-of.js';

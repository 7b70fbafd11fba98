export { openSecret, type SecretPlace, sealSecret } from './secret-text.js';

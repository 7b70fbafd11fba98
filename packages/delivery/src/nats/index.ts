export { nats } from './kind.js';

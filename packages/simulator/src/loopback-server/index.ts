export { type LoopbackServer, readBody, startLoopbackServer } from './loopback-server.js';

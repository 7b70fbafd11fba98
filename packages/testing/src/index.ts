export { eventually } from './eventually.js';
export { freePort } from './free-port.js';
export { type DisposableRedis, startRedis } from './redis.js';
export { startTcpRelay, type TcpRelay } from './tcp-relay.js';

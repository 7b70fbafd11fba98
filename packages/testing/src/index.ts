export { eventually } from './eventually.js';
export { freePort } from './free-port.js';
export { type DisposableRedis, startRedis } from './redis.js';
export { type RedisCluster, type RedisClusterOptions, startRedisCluster } from './redis-cluster.js';
export { type RedisReply, sendRedisCommand } from './redis-command.js';
export { startTcpRelay, type TcpRelay } from './tcp-relay.js';
export { type CarState, type ChargeRow, type PolledGateway, TeslaMatePoller } from './teslamate-poller.js';
export { vehicleDataMistakes, vehicleMistakes } from './vehicle-data-check.js';
export { type WallClock, wallClock } from './wall-clock.js';

export { it, type RedisTestContext } from './redis-test.js';

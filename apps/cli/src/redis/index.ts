export { openRedisDirectory } from './redis-directory.js';

// The variables that every app has, named and explained once; apps spread them into their own schema.

import { durationSeconds, filePath, integer, redisUrl, text } from '../config/index.js';
import { logConfig } from './log.js';

export const serviceConfig = {
  ...logConfig,
  ADMIN_HOST: text({ expected: 'an address of this machine' })
    .default('127.0.0.1')
    .describe('Where the admin port (health, readiness, metrics) listens; 0.0.0.0 opens it to every network.'),
  SHUTDOWN_SECONDS: durationSeconds()
    .default(20)
    .describe('How long a stop in good order may take; what is not done by then is cut off.'),
};

/** The variables of whoever reads or writes the log. */
export const recordLogConfig = {
  REDIS_URL: redisUrl()
    .describe(
      'The Redis that holds the log, or some nodes of a Redis Cluster. `npm start` and compose bring their own Redis.',
    )
    .meta({ example: 'redis://:password@127.0.0.1:6379' }),
  NAMESPACE: text({ pattern: /^[\w.-]{1,64}$/, expected: 'letters, digits, dot, dash or underscore' })
    .default('telemetry')
    .describe('Prefix of every key in Redis and of the topics that deliveries carry.'),
  PARTITIONS: integer({ min: 1, max: 1_024 })
    .default(1)
    .describe('Streams that the log is split into by VIN. Fixed at the first start.'),
  DATA_DIR: filePath().default('./data').describe('Folder of certificates, tokens and our own Redis.'),
};

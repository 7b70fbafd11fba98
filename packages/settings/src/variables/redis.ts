// Redis, and the log of records in it.
import { filePath, integer, redisUrl, text } from '../values/index.js';
import { setting } from './setting.js';

export const redisSettings = {
  REDIS_URL: setting({
    value: redisUrl(),
    readBy: ['ingest', 'dispatcher', 'streaming', 'gateway', 'up', 'cli'],
    description: 'The Redis that stores the log, or some nodes of a Redis Cluster.',
    details: [
      'One Redis: `redis://[user:password@]host:port`, with TLS `rediss://…`. A Redis Cluster: some of its nodes as',
      '`redis+cluster://[user:password@]host:port,host:port,…`, with TLS `rediss+cluster://…`. Special characters in',
      'the password are URL-encoded. Redis 7.0 or newer, or Valkey; `npm start` and compose run their own.',
    ].join('\n'),
    example: 'redis://:password@127.0.0.1:6379',
    overrides: {
      up: {
        value: redisUrl().optional(),
        reason:
          '`up` does not require it: it starts a Redis in `DATA_DIR/redis`, on loopback, with `appendfsync always`.',
      },
      cli: {
        value: redisUrl().optional(),
        reason: 'Other commands do not require it either: they use the Redis that `up` runs in `DATA_DIR`.',
      },
    },
  }),
  REDIS_SERVER: setting({
    value: filePath().default('redis-server'),
    readBy: ['up'],
    description: 'The `redis-server` or `valkey-server` to start when `REDIS_URL` is not set.',
  }),
  NAMESPACE: setting({
    value: text({ pattern: /^[\w.-]{1,64}$/, expected: 'letters, digits, dot, dash or underscore' }).default(
      'telemetry',
    ),
    readBy: ['ingest', 'dispatcher', 'streaming', 'gateway', 'up', 'cli'],
    description: 'Prefix of every key in Redis and of the topics of deliveries. Fixed at the first start.',
  }),
  PARTITIONS: setting({
    value: integer({ min: 1, max: 1_024 }).default(1),
    readBy: ['ingest', 'dispatcher', 'streaming', 'gateway', 'up', 'cli'],
    description: 'Number of streams that the log is split into by VIN. Fixed at the first start.',
  }),
  RETENTION_HOURS: setting({
    value: integer({ min: 1, max: 8_784, unit: 'hours' }).default(168),
    readBy: ['dispatcher', 'up', 'cli'],
    description: 'Older entries are deleted from the log, delivered or not. 168 is one week, as in Google Pub/Sub.',
  }),
  RETENTION_MEMORY_PERCENT: setting({
    value: integer({ min: 0, max: 100 }).default(80),
    readBy: ['dispatcher', 'up'],
    description: "Above this share of Redis' `maxmemory`, delivered entries are deleted, oldest first. 0: off.",
    details: [
      'Deletes entries that the snapshots and every active subscription have, except those of the last 15 minutes, whatever',
      '`RETENTION_HOURS` is. Otherwise a full Redis would acknowledge no vehicle. Has no effect without a `maxmemory`.',
    ].join('\n'),
  }),
  REDIS_MEMORY: setting({
    value: text({
      pattern: /^[1-9]\d*(b|kb?|mb?|gb?)?$/i,
      expected: 'a number of bytes such as 512mb or 2gb',
    }).optional(),
    readBy: ['up'],
    description: "Memory limit of the Redis that `up` starts. Default: three quarters of the machine's memory.",
    details:
      'At the limit nothing is acknowledged and vehicles wait. Compose reads the same variable for its Redis, with 1gb as the default.',
    example: '2gb',
  }),
  RETENTION_ENTRIES: setting({
    value: integer({ min: 1_000 }).default(1_000_000),
    readBy: ['dispatcher', 'up'],
    description:
      'Maximum entries per partition. Entries beyond it are deleted once snapshots and active subscriptions have them.',
    details:
      'Entries that an active subscription has not delivered are kept beyond this limit. A paused subscription does not keep entries.',
  }),
};

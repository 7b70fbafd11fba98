import type { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { eventually } from '@fleetbridge/testing';
import type { Redis } from 'ioredis';
import { describe, expect } from 'vitest';
import { it } from '../testing/index.js';
import { connectAnyNode, connectRedis } from './connection.js';

describe('a subscribed connection', () => {
  it.for([
    ['one node', connectAnyNode],
    ['Redis', connectRedis],
  ] as const)(
    'to %s that breaks again before it subscribes raises nothing unhandled',
    async ([, connect], { redisServer, cleanup }) => {
      const unhandled: unknown[] = [];
      const onUnhandled = (error: unknown) => void unhandled.push(error);
      process.on('unhandledRejection', onUnhandled);
      cleanup.push(() => void process.off('unhandledRejection', onUnhandled));

      const redis = connect({ url: redisServer.url, name: 'test' }) as Redis;
      cleanup.push(() => redis.disconnect());
      let subscriptions = 0;
      redis.on('ready', () => redis.psubscribe('channel:*').then(() => subscriptions++, nextTurn));
      await eventually(() => subscriptions === 1);

      // The connection closes for writing with the last answer before 'ready'.
      let breaks = 0;
      redis.on('connect', () => {
        const { stream } = redis as unknown as { stream: Duplex };
        stream.prependListener('data', (answer: Buffer) => {
          if (breaks < 3 && answer.includes('redis_version')) stream.end(() => breaks++);
        });
      });
      redis.disconnect(true);
      await eventually(() => subscriptions === 2);
      expect(breaks).toBe(3);
      expect(unhandled).toEqual([]);
    },
  );
});

import { createAddressOf } from '@fleetbridge/access';
import { createLogger } from '@fleetbridge/service';
import type { RecordToAppend } from '@fleetbridge/store';
import { fastify } from 'fastify';
import { expect, it } from 'vitest';
import type { Feeds } from '../frames/index.js';
import { createCounts } from '../metrics.js';
import { addPubsubPush } from './pubsub-push.js';
import { PubsubSender } from './pubsub-sender.js';

it('remembers connectivity records of a bounded number of vehicles until the tail delivers them', async () => {
  const { push, stored } = open({ maxRememberedVins: 3 });
  await push('VIN1', 'CONNECTED', '2026-11-01T11:00:00Z');
  expect(await push('VIN1', 'DISCONNECTED', '2026-11-01T10:59:00Z')).toBe('superseded');
  for (const vin of ['VIN2', 'VIN3', 'VIN4']) await push(vin, 'CONNECTED', '2026-11-01T11:00:00Z');
  // evicted: by now the tail has delivered the newer record, in a real feed
  expect(await push('VIN1', 'DISCONNECTED', '2026-11-01T10:59:00Z')).toBe('stored');
  expect(await push('VIN4', 'DISCONNECTED', '2026-11-01T10:59:00Z')).toBe('superseded');
  expect(stored()).toBe(5);
});

function open({ maxRememberedVins }: { maxRememberedVins: number }) {
  const now = () => Date.UTC(2026, 10, 2);
  const server = fastify();
  const counts = createCounts();
  let stored = 0;
  const appender = {
    unsettledBytes: 0,
    append: (_: RecordToAppend, { settled }: { settled: (outcome: 'stored') => void }) => {
      stored++;
      settled('stored');
    },
  };
  // its tail never delivers anything
  const feed = { ready: () => Promise.resolve(), state: { readings: new Map(), connectivity: undefined } };
  addPubsubPush(server, {
    sender: new PubsubSender({ token: 'secret', log: createLogger({ name: 'test', level: 'silent' }), now }),
    addressOf: createAddressOf([]),
    isAllowed: () => true,
    appender: appender as unknown as Parameters<typeof addPubsubPush>[1]['appender'],
    feeds: { of: () => feed } as unknown as Feeds,
    counts,
    log: createLogger({ name: 'test', level: 'silent' }),
    now,
    maxRememberedVins,
  });
  let messages = 0;
  return {
    stored: () => stored,
    /** Returns the outcome as it is counted. */
    push: async (vin: string, status: string, createdAt: string) => {
      const before = { ...counts.pushes };
      const data = Buffer.from(JSON.stringify({ vin, connectionId: 'c', status, createdAt })).toString('base64');
      const message = { data, attributes: { vin, txtype: 'connectivity' }, messageId: String(messages++) };
      await server.inject({ method: 'POST', url: '/?token=secret', payload: { message } });
      return Object.keys(counts.pushes).find((outcome) => counts.pushes[outcome] !== before[outcome]);
    },
  };
}

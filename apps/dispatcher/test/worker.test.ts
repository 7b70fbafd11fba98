// A worker with deliveries that break their promises: they never settle, reject or throw. Whatever the kind, only the
// vehicle of that record waits. The clock of the process jumps in between.
import type { Delivery, DeliveryOutcome, OutgoingRecord } from '@fleetbridge/delivery';
import { AppendNotifier, acquireSubscription } from '@fleetbridge/store';
import { it, type RedisTestContext } from '@fleetbridge/store/testing';
import { eventually } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import { createDeliveryCounts } from '../src/subscription/delivery-counts.js';
import { LANE_LIMITS } from '../src/subscription/lane.js';
import { Worker } from '../src/subscription/worker.js';
import { dispatchRig } from './dispatch-rig.js';

type Behavior = (record: OutgoingRecord) => Promise<DeliveryOutcome>;

const BEHAVIORS: Record<string, Behavior> = {
  HANGS: () => new Promise(() => {}),
  REJECTS: () => Promise.reject(new Error('a bug')),
  THROWS: () => {
    throw new Error('a bug');
  },
  REFUSES: () => Promise.resolve({ kind: 'rejected', error: 'never' }),
};

describe('a worker', () => {
  it('gives up the record of a delivery that never settles, rejects or throws, while others continue', async ({
    redisServer,
    redis,
    cleanup,
  }) => {
    const { rig, delivered, start } = await rigWithWorker({ redisServer, redis, cleanup });
    for (const vin of Object.keys(BEHAVIORS)) await rig.add(vin, 0);
    let nowMs = Date.now();
    const { counts, lines, worker } = await start({ ackDeadlineMs: 1, now: () => nowMs });
    const control = rig.store.control('s');
    let sent = 0;
    await eventually(async () => {
      await rig.add('GOOD', sent++);
      // by an hour, in both directions
      nowMs += sent % 2 === 0 ? 3_600_000 : -3_600_000;
      return (await control.deadLetters(9)).length === 4;
    }, 20_000);
    await eventually(() => rig.isDone('s'));
    expect(new Set(delivered).size).toBe(sent);
    const letters = await control.deadLetters(9);
    expect(Object.fromEntries(letters.map(({ entry, error }) => [entry.vin, error]))).toEqual({
      HANGS: 'no outcome within 1001 ms; the endpoint answers for other vehicles',
      REJECTS: 'a bug; the endpoint answers for other vehicles',
      THROWS: 'a bug; the endpoint answers for other vehicles',
      REFUSES: 'never',
    });
    expect(counts).toMatchObject({ deadLettered: 4, suspended: 0 });
    expect(lines.filter((line) => line.includes('delivery_unsettled')).length).toBeGreaterThanOrEqual(2);
    await worker.stop({ deadlineMs: 1_000 });
  });

  it('remembers rejections over a restart', async ({ redisServer, redis, cleanup }) => {
    const { rig, start } = await rigWithWorker({ redisServer, redis, cleanup });
    await rig.add('REJECTS', 0);
    const control = rig.store.control('s');
    let sent = 0;
    const until = async (condition: () => boolean | Promise<boolean>) => {
      await eventually(async () => {
        await rig.add('GOOD', sent++);
        return await condition();
      }, 20_000);
    };
    const first = await start({ maximumDeliveries: 4 });
    await until(() => first.counts.rejected >= 2);
    await first.worker.stop({ deadlineMs: 1_000 });
    const second = await start({ maximumDeliveries: 4 });
    await until(async () => (await control.deadLetters(1)).length === 1);
    expect(first.counts.rejected + second.counts.rejected).toBe(4);
    await second.worker.stop({ deadlineMs: 1_000 });
  });

  it('stops although its delivery does not', { timeout: 20_000 }, async ({ redisServer, redis, cleanup }) => {
    const { start, isEnded } = await rigWithWorker({ redisServer, redis, cleanup });
    const { worker, lines } = await start({ stop: () => new Promise(() => {}) });
    await worker.stop({ deadlineMs: 10 });
    expect(isEnded()).toBe(true);
    expect(lines.join()).toContain('delivery_stop_failed');
  });
});

interface StartOptions {
  ackDeadlineMs?: number;
  maximumDeliveries?: number;
  now?: () => number;
  stop?: Delivery['stop'];
}

async function rigWithWorker({
  redisServer,
  redis,
  cleanup,
}: Pick<RedisTestContext, 'redisServer' | 'redis' | 'cleanup'>) {
  const rig = dispatchRig(redis, { url: redisServer.url });
  cleanup.push(() => rig.dispose());
  await rig.subscribe({ name: 's', log: true });
  const place = { store: rig.logStore, partition: 0, subscription: 's' };
  const delivered: string[] = [];
  let isEnded = false;
  const deliver: Behavior = async (record) => {
    const behavior = BEHAVIORS[record.entry.vin];
    if (behavior !== undefined) return await behavior(record);
    delivered.push(record.entry.id);
    return { kind: 'delivered' };
  };
  const start = async ({
    ackDeadlineMs = 100,
    maximumDeliveries = 2,
    now = Date.now,
    stop = () => {},
  }: StartOptions) => {
    const work = await eventually(
      async () => (await acquireSubscription(place, { owner: 'test', leaseMs: 30_000, start: '0-0' })) ?? false,
    );
    const counts = createDeliveryCounts(() => {});
    const lines: string[] = [];
    const write = (_facts: object, event: string) => void lines.push(event);
    const notifier = new AppendNotifier({ store: rig.logStore, partition: 0 });
    cleanup.push(() => notifier.stop());
    const worker = new Worker({
      subscription: 's',
      partition: 0,
      work,
      leaseMs: 30_000,
      delivery: { deliver, stop },
      newest: undefined,
      readVehicles: async function* () {},
      notifier,
      matches: () => true,
      backOff: { minimumSeconds: 0.01, maximumSeconds: 0.05 },
      maximumDeliveries,
      ackDeadlineMs,
      counts,
      log: { info: write, warn: write, error: write, debug: write } as never,
      now,
      random: Math.random,
      onEnd: () => {
        isEnded = true;
      },
      limits: LANE_LIMITS,
    });
    worker.start();
    return { worker, counts, lines };
  };
  return { rig, delivered, start, isEnded: () => isEnded };
}

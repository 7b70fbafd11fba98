import { decodeRecord, encodeMessage, timestampOf } from '@fleetbridge/protocol';
import { connectivityPayload, type LogEntry } from '@fleetbridge/store';
import { emptyState } from '@fleetbridge/vehicle-state';
import { afterEach, describe, expect, it } from 'vitest';
import { dataOf, driving, type Signals } from '../../test/vehicle-log.js';
import type { Frame } from './frame.js';
import { type FeedListener, VehicleFeed } from './vehicle-feed.js';

const VIN = '5YJ3E1EA7KF000001';
const feeds: VehicleFeed[] = [];
afterEach(() => {
  for (const feed of feeds.splice(0)) feed.stop();
});

describe('a feed', () => {
  it('makes frames while it is tracked, and has the present frame when it is tracked again', async () => {
    const { feed, send } = open();
    await feed.framesReady();
    send(driving, 1_000);
    send({ VehicleSpeed: 31 }, 2_000);
    expect(feed.recentFrames().end).toBe(2);
    feed.stopTracking();
    expect(feed.present).toBeUndefined();
    send({ VehicleSpeed: 32 }, 3_000);
    await feed.framesReady();
    expect(feed.present).toMatchObject({ timeMs: 3_000, values: { speed: '32', odometer: '12345.678' } });
    // later frames do not repeat it and are not older
    const { received, listener } = newListener();
    feed.listen(listener);
    send({ VehicleSpeed: 33 }, 2_500);
    send({ VehicleSpeed: 32 }, 4_000);
    send({ VehicleSpeed: 34 }, 5_000);
    expect(received.map(({ timeMs }) => timeMs)).toEqual([5_000]);
  });

  it('makes no frames for a request of the state', async () => {
    const { feed, send, checkpoints } = open();
    await feed.ready();
    send(driving, 1_000);
    expect(feed.isTracked).toBe(false);
    expect(feed.state.readings.get('VehicleSpeed')?.value).toBe(30);
    expect(checkpoints()).toBe(0);
  });

  it('can be loaded again after Redis did not answer', async () => {
    let isAway = true;
    const { feed, send } = open({
      loadSnapshot: () => (isAway ? Promise.reject(new Error('away')) : Promise.resolve(emptyState())),
    });
    await expect(feed.framesReady()).rejects.toThrow('away');
    send(driving, 1_000);
    isAway = false;
    await feed.framesReady();
    expect(feed.present?.timeMs).toBe(1_000);
  });

  it('notifies all listeners, even if one of them throws', async () => {
    const { feed, send } = open();
    await feed.framesReady();
    const bad = newListener();
    bad.listener.frame = () => {
      throw new Error('a mistake');
    };
    const good = newListener();
    feed.listen(bad.listener);
    feed.listen(good.listener);
    send(driving, 1_000);
    expect(good.received).toHaveLength(1);
    expect(bad.failures).toEqual(['a mistake']);
  });

  it('reports when the vehicle goes offline and online, but not during the two minutes of grace in a drive', async () => {
    const { feed, send, presence } = open();
    await feed.framesReady();
    const { listener, changes } = newListener();
    feed.listen(listener);
    presence(true, 0);
    send(driving, 1_000);
    presence(false, 119_000);
    presence(true, 0);
    presence(false, 121_000);
    send({ Gear: 'P' }, 2_000);
    presence(true, 0);
    presence(false, 0);
    expect(changes).toEqual(['online', 'offline', 'online', 'offline']);
  });
});

function open(options: Partial<ConstructorParameters<typeof VehicleFeed>[0]> = {}) {
  let n = 0;
  let checkpoints = 0;
  const nowMs = 10_000_000;
  const feed = new VehicleFeed({
    now: () => nowMs,
    windowMs: nowMs,
    loadSnapshot: () => Promise.resolve(emptyState()),
    readUpTo: () => `${n}-0`,
    findCheckpoint: () => {
      checkpoints++;
      return Promise.resolve(undefined);
    },
    rebuild: () => Promise.resolve(),
    ...options,
  });
  feeds.push(feed);
  const record = (topic: 'V' | 'connectivity', payload: Buffer, createdMs: number) => {
    n++;
    const entry: LogEntry = {
      id: `${n}-0`,
      vin: VIN,
      topic,
      txid: '',
      createdMs,
      receivedMs: createdMs,
      version: '',
      payload,
    };
    feed.record(entry, decodeRecord(topic, payload)!);
  };
  return {
    feed,
    checkpoints: () => checkpoints,
    send: (signals: Signals, createdMs: number) =>
      record(
        'V',
        encodeMessage('V', { data: dataOf(signals), createdAt: timestampOf(createdMs), vin: VIN }),
        createdMs,
      ),
    presence: (isConnected: boolean, agoMs: number) => {
      const atMs = nowMs - agoMs;
      const facts = { vin: VIN, connectionId: 'c-1', isConnected, atMs, networkInterface: 'wifi' };
      record('connectivity', connectivityPayload(facts), atMs);
    },
  };
}

function newListener() {
  const received: Frame[] = [];
  const changes: string[] = [];
  const failures: string[] = [];
  const listener: FeedListener = {
    frame: (frame) => received.push(frame),
    online: () => changes.push('online'),
    offline: () => changes.push('offline'),
    forgotten: () => changes.push('forgotten'),
    failed: (error) => failures.push((error as Error).message),
  };
  return { listener, received, changes, failures };
}

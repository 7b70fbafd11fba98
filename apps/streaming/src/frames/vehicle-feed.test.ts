import { decodeRecord, encodeMessage, timestampOf } from '@fleetbridge/protocol';
import { connectivityPayload, type LogEntry } from '@fleetbridge/store';
import { emptyState, statusTimes } from '@fleetbridge/vehicle-state';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { dataOf, driving, type Signals } from '../../test/vehicle-log.js';
import type { Frame } from './frame.js';
import { type FeedListener, VehicleFeed } from './vehicle-feed.js';

const VIN = '5YJ3E1EA7KF000001';
const feeds: VehicleFeed[] = [];
afterEach(() => {
  vi.useRealTimers();
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

  it.each<[string, (feed: ReturnType<typeof open>) => void]>([
    ['no connectivity record', () => {}],
    ['a disconnect before its last record', ({ presence }) => presence(false, 300_000)],
  ])('of a vehicle with %s is online for two minutes after each record', async (_, begin) => {
    vi.useFakeTimers({ now: 10_000_000 });
    const opened = open({ now: Date.now });
    const { feed, send } = opened;
    begin(opened);
    await feed.framesReady();
    const { listener, changes } = newListener();
    feed.listen(listener);
    expect(feed.isOnline).toBe(false);
    send(driving, 1_000, Date.now());
    expect(feed.isOnline).toBe(true);
    vi.advanceTimersByTime(100_000);
    send({ Gear: 'P' }, 2_000, Date.now());
    vi.advanceTimersByTime(119_000);
    expect(changes).toEqual(['online']);
    vi.advanceTimersByTime(1_000);
    expect(changes).toEqual(['online', 'offline']);
    send({ VehicleSpeed: 0 }, 3_000, Date.now());
    expect(changes).toEqual(['online', 'offline', 'online']);
  });

  it.each([-3_600_000, 3_600_000])('ends after two minutes although the clock is set by %i ms', async (setMs) => {
    vi.useFakeTimers({ now: 10_000_000 });
    const { feed, send, presence } = open({ now: Date.now });
    await feed.framesReady();
    presence(true, 0);
    send(driving, 1_000, Date.now());
    presence(false, 0);
    expect(feed.isOnline).toBe(true);
    vi.setSystemTime(Date.now() + setMs);
    vi.advanceTimersByTime(119_000);
    expect(feed.isOnline).toBe(true);
    vi.advanceTimersByTime(1_000);
    expect(feed.isOnline).toBe(false);
  });

  it('of a parked vehicle is offline 10 s after its disconnect, as in REST, and not if it reconnects before', async () => {
    vi.useFakeTimers({ now: 10_000_000 });
    const { feed, send, presence } = open({ now: Date.now, times: statusTimes });
    await feed.framesReady();
    const { listener, changes } = newListener();
    feed.listen(listener);
    presence(true, 0);
    send({ ...driving, Gear: 'P' }, 1_000, Date.now());
    presence(false, 10_000_000 - Date.now());
    vi.advanceTimersByTime(9_999);
    presence(true, 0);
    vi.advanceTimersByTime(60_000);
    expect(changes).toEqual(['online']);
    presence(false, 10_000_000 - Date.now());
    vi.advanceTimersByTime(9_999);
    expect(changes).toEqual(['online']);
    vi.advanceTimersByTime(1);
    expect(changes).toEqual(['online', 'offline']);
  });

  it('of a connected vehicle is online without records, and offline when it disconnects after its last record', async () => {
    vi.useFakeTimers({ now: 10_000_000 });
    const { feed, send, presence } = open({ now: Date.now });
    await feed.framesReady();
    send({ ...driving, Gear: 'P' }, 1_000, Date.now());
    presence(true, 0);
    vi.advanceTimersByTime(3_600_000);
    expect(feed.isOnline).toBe(true);
    send({ VehicleSpeed: 0 }, 2_000, Date.now());
    presence(false, 0);
    expect(feed.isOnline).toBe(false);
  });
});

function open(options: Partial<ConstructorParameters<typeof VehicleFeed>[0]> = {}) {
  let n = 0;
  let checkpoints = 0;
  const nowMs = 10_000_000;
  const feed = new VehicleFeed({
    now: () => nowMs,
    monotonicNow: () => performance.now(),
    times: { ...statusTimes, offlineAfterMs: 0 },
    windowMs: nowMs,
    loadSnapshot: () => Promise.resolve(emptyState()),
    readUpTo: () => `${idMs}-${n}`,
    findCheckpoint: () => {
      checkpoints++;
      return Promise.resolve(undefined);
    },
    rebuild: () => Promise.resolve(),
    ...options,
  });
  feeds.push(feed);
  let idMs = 0;
  const record = (topic: 'V' | 'connectivity', payload: Buffer, createdMs: number, receivedMs = idMs) => {
    n++;
    idMs = receivedMs;
    const entry: LogEntry = {
      id: `${idMs}-${n}`,
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
    send: (signals: Signals, createdMs: number, receivedMs?: number) =>
      record(
        'V',
        encodeMessage('V', { data: dataOf(signals), createdAt: timestampOf(createdMs), vin: VIN }),
        createdMs,
        receivedMs,
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

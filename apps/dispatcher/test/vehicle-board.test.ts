// The dispatcher's metrics of vehicles against a real Redis: gauges by VIN, and the number of quiet vehicles.
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { type Datum, DetailedChargeState, encodeMessage, Field, ShiftState, timestampOf } from '@fleetbridge/protocol';
import { createLogger, createMetrics, createReadiness, startAdminServer } from '@fleetbridge/service';
import {
  Appender,
  connectivityPayload,
  connectRedis,
  Presence,
  partitionKeys,
  partitionOf,
  SnapshotStore,
  Store,
  whenReady,
} from '@fleetbridge/store';
import { it, type RedisTestContext } from '@fleetbridge/store/testing';
import { eventually } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import { type FleetCounts, FleetStatistics } from '../src/maintenance/fleet-statistics.js';
import { createCounts } from '../src/metrics.js';
import { SnapshotKeeper } from '../src/snapshot/snapshot-keeper.js';
import { addVehicleRoute, createVehicleMetrics } from '../src/snapshot/vehicle-metrics.js';

const log = createLogger({ name: 'test', level: 'silent' });

describe('/metrics/vehicles', () => {
  it('has every vehicle in the partitions of this process, and no other', async ({
    redisServer,
    redis,
    namespace,
    cleanup,
  }) => {
    const rig = await vehicleRig({ redisServer, redis, namespace, cleanup }, { partitions: 4, kept: [0, 1, 2] });
    const vins = Array.from({ length: 120 }, (_, index) => `5YJ3E1EA7KF${String(index).padStart(6, '0')}`);
    await Promise.all(vins.map((vin, index) => rig.connects(vin).then(() => rig.drives(vin, { speedMph: index }))));
    await rig.merged();
    const lines = await rig.board();
    const kept = vins.filter((vin) => rig.isKept(vin));
    expect(kept.length).toBeLessThan(vins.length);
    expect(lines.filter((line) => line.startsWith('fleetbridge_vehicle_connected{'))).toHaveLength(kept.length);
    for (const vin of kept) {
      expect(lines).toContainEqual(
        expect.stringMatching(`^fleetbridge_vehicle_shift{(?=.*vin="${vin}").*shift="D".*} 1$`),
      );
      const speed = lines.find((line) => line.startsWith('fleetbridge_vehicle_speed_kmh{') && line.includes(vin));
      expect(Number(speed?.split(' ')[1])).toBeCloseTo(vins.indexOf(vin) * 1.609344, 5);
    }
  });

  it('removes driving values when the vehicle disconnects', async ({ redisServer, redis, namespace, cleanup }) => {
    const rig = await vehicleRig({ redisServer, redis, namespace, cleanup });
    await rig.connects('VIN1');
    await rig.drives('VIN1', { speedMph: 50 });
    await rig.merged();
    expect((await rig.board()).join('\n')).toMatch(/^fleetbridge_vehicle_speed_kmh/m);
    await rig.leaves('VIN1');
    await rig.merged();
    const board = (await rig.board()).join('\n');
    expect(board).toMatch(/^fleetbridge_vehicle_connected\{.*\} 0$/m);
    expect(board).toMatch(/^fleetbridge_vehicle_latitude_degrees\{.*vin="VIN1".*\} 48\.1$/m);
    expect(board).not.toMatch(/speed_kmh\{|shift\{/);
  });

  it('is off by default, and then answers with a comment only', async ({ redisServer, redis, namespace, cleanup }) => {
    const rig = await vehicleRig({ redisServer, redis, namespace, cleanup });
    await rig.connects('VIN1');
    await rig.drives('VIN1', { speedMph: 50 });
    await rig.merged();
    expect(await rig.get({ isOn: false })).toEqual({ status: 200, text: '# off: VEHICLE_METRICS is not set\n' });
    const on = await rig.get({ isOn: true });
    expect(on.status).toBe(200);
    expect(on.text).toContain('vin="VIN1"');
  });

  it('rejects requests with a foreign host name (DNS rebinding)', async ({
    redisServer,
    redis,
    namespace,
    cleanup,
  }) => {
    const rig = await vehicleRig({ redisServer, redis, namespace, cleanup });
    await rig.connects('VIN1');
    await rig.drives('VIN1', { speedMph: 50 });
    await rig.merged();
    const response = await rig.get({ isOn: true, host: 'rebind.example.com' });
    expect(response.status).toBe(421);
    expect(response.text).not.toContain('VIN1');
    expect((await rig.get({ isOn: true, host: 'dispatcher:8083' })).status).toBe(200);
  });

  it('answers 503 while Redis does not answer', async ({ redisServer, redis, namespace, cleanup }) => {
    const rig = await vehicleRig({ redisServer, redis, namespace, cleanup }, { connection: { disconnect: true } });
    expect((await rig.get({ isOn: true })).status).toBe(503);
  });
});

describe('FleetStatistics', () => {
  it('counts vehicles without a record for five minutes by what they were doing', async ({
    redisServer,
    redis,
    namespace,
    cleanup,
  }) => {
    const rig = await vehicleRig({ redisServer, redis, namespace, cleanup });
    for (const vin of ['DRIVING', 'CHARGING', 'PARKED', 'NEW']) await rig.connects(vin);
    await rig.connects('GONE');
    await rig.drives('DRIVING', { speedMph: 50 });
    await rig.drives('GONE', { speedMph: 50 });
    await rig.sends('CHARGING', [
      {
        key: Field.DetailedChargeState,
        value: { detailedChargeStateValue: DetailedChargeState.DetailedChargeStateCharging },
      },
    ]);
    await rig.sends('PARKED', [{ key: Field.Gear, value: { shiftStateValue: ShiftState.ShiftStateP } }]);
    await rig.leaves('GONE');
    await rig.merged();
    expect(await rig.quietAfter(299)).toEqual({ connected: 4, quiet: { driving: 0, charging: 0, parked: 0 } });
    expect(await rig.quietAfter(301)).toEqual({ connected: 4, quiet: { driving: 1, charging: 1, parked: 2 } });
    await rig.drives('DRIVING', { speedMph: 51, atMs: Date.now() + 50_000 });
    expect((await rig.quietAfter(301)).quiet).toEqual({ driving: 0, charging: 1, parked: 2 });
  });

  it('updates at most every half minute', async ({ redisServer, redis, namespace, cleanup }) => {
    const rig = await vehicleRig({ redisServer, redis, namespace, cleanup });
    await rig.connects('VIN1');
    let nowMs = Date.now();
    const { statistics, counts } = rig.fleetStatistics(() => nowMs);
    await statistics.update([0]);
    await rig.connects('VIN2');
    nowMs += 29_000;
    await statistics.update([0]);
    expect(counts.connected).toBe(1);
    nowMs += 2_000;
    await statistics.update([0]);
    expect(counts.connected).toBe(2);
  });
});

async function vehicleRig(
  { redisServer, redis, namespace, cleanup }: Omit<RedisTestContext, 'store'>,
  {
    partitions = 1,
    kept = [0],
    connection,
  }: {
    partitions?: number;
    kept?: number[];
    connection?: { disconnect: boolean };
  } = {},
) {
  const store = new Store({ redis, url: redisServer.url, namespace, partitions });
  const snapshots = new SnapshotStore(store);
  const presence = new Presence(store);
  const appender = new Appender({ store, processId: () => 'p', ackReplicas: 0 });
  cleanup.push(() => appender.stop());
  const counts = createCounts().snapshots;
  const keepers = kept.map((partition) => new SnapshotKeeper({ store, partition, owner: 'test', log, counts }));
  for (const keeper of keepers) {
    await keeper.start();
    cleanup.push(() => keeper.stop());
  }
  const own = connectRedis({ url: redisServer.url, name: 'board' });
  await whenReady(own, 5_000);
  cleanup.push(() => own.disconnect());
  if (connection?.disconnect) own.disconnect();
  const ownStore = new Store({ redis: own, url: redisServer.url, namespace, partitions });
  const vehicles = createVehicleMetrics({
    store: ownStore,
    snapshots: new SnapshotStore(ownStore),
    keepers,
    now: Date.now,
  });
  let txids = 0;
  const append = async (
    vin: string,
    record: {
      kind: 'record' | 'connect' | 'disconnect';
      topic: string;
      payload: Buffer;
      createdMs: number;
      txid?: string;
    },
  ) => {
    const full = { vin, receivedMs: Date.now(), version: '', networkInterface: '', ...record };
    const txid = Buffer.from(record.txid ?? `t${txids++}`);
    const outcome = await new Promise((resolve) => appender.append({ ...full, txid }, { settled: resolve }));
    expect(outcome).toBe('stored');
  };
  const connectivity = (vin: string, isConnected: boolean) => {
    const atMs = Date.now();
    const payload = connectivityPayload({ vin, connectionId: vin, isConnected, atMs, networkInterface: '' });
    const kind = isConnected ? 'connect' : 'disconnect';
    return append(vin, { kind, topic: 'connectivity', payload, createdMs: atMs, txid: vin });
  };
  const sends = (vin: string, data: Datum[], atMs = Date.now()) => {
    const payload = Buffer.from(encodeMessage('V', { data, createdAt: timestampOf(atMs), vin }));
    return append(vin, { kind: 'record', topic: 'V', payload, createdMs: atMs });
  };
  const fleetStatistics = (now: () => number) => {
    const counts: FleetCounts = createCounts().fleet;
    return { statistics: new FleetStatistics({ store, presence, snapshots, counts, now, monotonicNow: now }), counts };
  };
  return {
    fleetStatistics,
    sends,
    connects: (vin: string) => connectivity(vin, true),
    leaves: (vin: string) => connectivity(vin, false),
    drives: (vin: string, { speedMph, atMs = Date.now() }: { speedMph: number; atMs?: number }) =>
      sends(
        vin,
        [
          { key: Field.Gear, value: { shiftStateValue: ShiftState.ShiftStateD } },
          { key: Field.VehicleSpeed, value: { doubleValue: speedMph } },
          { key: Field.Location, value: { locationValue: { latitude: 48.1, longitude: 11.5 } } },
        ],
        atMs,
      ),
    isKept: (vin: string) => kept.includes(partitionOf(vin, partitions)),
    /** Resolves when the snapshots have everything appended so far. */
    merged: async () => {
      for (const partition of kept) {
        const { records } = partitionKeys(namespace, partition);
        const [last] = await redis.xrevrange(records, '+', '-', 'COUNT', 1);
        await eventually(async () => last === undefined || (await snapshots.cursor(partition)) === last[0]);
      }
    },
    board: async () => (await vehicles.text()).split('\n'),
    quietAfter: async (seconds: number) => {
      const { statistics, counts } = fleetStatistics(() => Date.now() + seconds * 1000);
      await statistics.update(kept);
      return counts;
    },
    get: async ({ isOn, host = 'localhost' }: { isOn: boolean; host?: string }) => {
      const admin = await startAdminServer({
        host: '127.0.0.1',
        port: 0,
        portVariable: 'X',
        registry: createMetrics({ app: 'test' }).registry,
        readiness: createReadiness(),
        routes: (routes) => addVehicleRoute(routes, { isOn, vehicles: () => vehicles }),
        log,
      });
      cleanup.push(() => admin.stop());
      const request = get({ ...admin.address, path: '/metrics/vehicles', headers: { host } });
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      return { status: response.statusCode, text: await text(response) };
    },
  };
}

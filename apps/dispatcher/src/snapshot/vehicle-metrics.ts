// `GET /metrics/vehicles`: the vehicles that this process keeps the snapshots of, as gauges by VIN, for a dashboard. It
// tells where they are, so it is there only when VEHICLE_METRICS is on. What is told is in vehicle-gauges.ts.

import { createMetrics, HOST_NAME_REFUSED, isPrivateHostName } from '@fleetbridge/service';
import { lastReceivedMs, type SnapshotStore, type Store } from '@fleetbridge/store';
import { stateFromHash } from '@fleetbridge/vehicle-state';
import type { FastifyInstance } from 'fastify';
import type { SnapshotKeeper } from './snapshot-keeper.js';
import { boardSignals, shownNow, type VehicleMoment, vehicleGauges } from './vehicle-gauges.js';

/** Vehicles asked for at a time, so that Redis is not held up by hundreds. */
const AT_A_TIME = 50;
/** A label is for a few known words; a vehicle's software must not make up series without end. */
const LABEL_VALUE = /^\w{1,40}$/;

export interface VehicleMetricsOptions {
  store: Store;
  snapshots: Pick<SnapshotStore, 'vinsIn' | 'readings'>;
  keepers: readonly Pick<SnapshotKeeper, 'isHolder' | 'partition'>[];
  now: () => number;
}

export interface VehicleMetrics {
  contentType: string;
  /** Prometheus' text, read from Redis now. Rejects when Redis does not answer. */
  text(): Promise<string>;
}

export function createVehicleMetrics(options: VehicleMetricsOptions): VehicleMetrics {
  let moments: ReadonlyMap<string, VehicleMoment> = new Map();
  const { registry, gauge } = createMetrics({ app: 'dispatcher', defaultMetrics: false });
  for (const each of vehicleGauges) {
    const { name, help, label } = each;
    gauge<'vin' | 'shift' | 'state'>({
      name,
      help,
      labelNames: label === undefined ? ['vin'] : ['vin', label],
      collect() {
        this.reset();
        for (const [vin, moment] of moments) {
          const shown = shownNow(each, moment);
          if (typeof shown === 'number') this.set({ vin }, shown);
          else if (label !== undefined && shown !== undefined && LABEL_VALUE.test(shown))
            this.set({ vin, [label]: shown }, 1);
        }
      },
    });
  }
  return {
    contentType: registry.contentType,
    text: async () => {
      moments = await readVehicles(options);
      return registry.metrics();
    },
  };
}

/** Off, it says so and tells nothing: a scraper that is set up for it need not count that as a failure. */
export function addVehicleRoute(
  server: FastifyInstance,
  { isOn, vehicles }: { isOn: boolean; vehicles: () => VehicleMetrics | undefined },
): void {
  server.get('/metrics/vehicles', async (request, reply) => {
    if (!isPrivateHostName(request.hostname)) return reply.code(421).send(HOST_NAME_REFUSED);
    if (!isOn)
      return reply.type('text/plain; version=0.0.4; charset=utf-8').send('# off: VEHICLE_METRICS is not set\n');
    const metrics = vehicles();
    const text = await metrics?.text().catch(() => undefined);
    if (metrics === undefined || text === undefined) return reply.code(503).send({ error: 'Redis does not answer' });
    return reply.type(metrics.contentType).send(text);
  });
}

async function readVehicles(options: VehicleMetricsOptions): Promise<Map<string, VehicleMoment>> {
  const { store, snapshots, keepers, now } = options;
  const moments = new Map<string, VehicleMoment>();
  for (const { isHolder, partition } of keepers) {
    if (!isHolder) continue;
    const vins = (await snapshots.vinsIn(partition)).sort();
    for (let at = 0; at < vins.length; at += AT_A_TIME) {
      const some = vins.slice(at, at + AT_A_TIME);
      const nowMs = now();
      const [heard, ...hashes] = await Promise.all([
        lastReceivedMs(store, { partition, vins: some, nowMs }),
        ...some.map((vin) => snapshots.readings(vin, boardSignals)),
      ]);
      for (const [index, vin] of some.entries()) {
        moments.set(vin, { state: stateFromHash(hashes[index]!).state, heardMs: heard.get(vin), nowMs });
      }
    }
  }
  return moments;
}

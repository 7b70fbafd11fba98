// `GET /metrics/vehicles`: gauges by VIN (vehicle-gauges.ts) of the vehicles of which this process keeps the snapshots.
// They include locations, so VEHICLE_METRICS must be on.

import { createMetrics, HOST_NAME_REFUSED, isPrivateHostName } from '@fleetbridge/service';
import { lastReceivedMs, type SnapshotStore, type Store } from '@fleetbridge/store';
import { stateFromHash } from '@fleetbridge/vehicle-state';
import type { FastifyInstance } from 'fastify';
import type { SnapshotKeeper } from './snapshot-keeper.js';
import { boardSignals, shownNow, type VehicleMoment, vehicleGauges } from './vehicle-gauges.js';

/** Vehicles per round trip, so that hundreds do not block Redis. */
const BATCH_SIZE = 50;
/** A vehicle must not be able to create an unlimited number of series. */
const LABEL_VALUE = /^\w{1,40}$/;

export interface VehicleMetricsOptions {
  store: Store;
  snapshots: Pick<SnapshotStore, 'vinsIn' | 'readings'>;
  keepers: readonly Pick<SnapshotKeeper, 'isHolder' | 'partition'>[];
  now: () => number;
}

export interface VehicleMetrics {
  contentType: string;
  /** In Prometheus' format, read from Redis at the time of the call. Rejects if Redis does not answer. */
  text(): Promise<string>;
}

export function createVehicleMetrics(options: VehicleMetricsOptions): VehicleMetrics {
  let moments: ReadonlyMap<string, VehicleMoment> = new Map();
  const { registry, gauge } = createMetrics({ app: 'dispatcher', defaultMetrics: false });
  for (const vehicleGauge of vehicleGauges) {
    const { name, help, label } = vehicleGauge;
    gauge<'vin' | 'shift' | 'state'>({
      name,
      help,
      labelNames: label === undefined ? ['vin'] : ['vin', label],
      collect() {
        this.reset();
        for (const [vin, moment] of moments) {
          const shown = shownNow(vehicleGauge, moment);
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

/** While off, the route answers 200 with a comment, so that a configured scraper does not report a failure. */
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
    for (let start = 0; start < vins.length; start += BATCH_SIZE) {
      const batch = vins.slice(start, start + BATCH_SIZE);
      const nowMs = now();
      const [received, ...hashes] = await Promise.all([
        lastReceivedMs(store, { partition, vins: batch, nowMs }),
        ...batch.map((vin) => snapshots.readings(vin, boardSignals)),
      ]);
      for (const [index, vin] of batch.entries()) {
        moments.set(vin, { state: stateFromHash(hashes[index]!).state, receivedMs: received.get(vin), nowMs });
      }
    }
  }
  return moments;
}

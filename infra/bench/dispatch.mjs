// What the dispatcher costs a record: for snapshots alone, and with a push subscription beside them; and how far it is
// behind at 5,000 records/s.
import { connectVehicle } from '@fleetbridge/simulator';
import { drivingPayload } from './fleet.mjs';
import { treeCpuMicros } from './processes.mjs';

const VEHICLES = 50;

/** `seconds` of records at `perSecond`; the cost counts until everything is dealt with. */
export async function measureDispatch({ dispatcher, ingestUrl, fleet, perSecond = 5_000, seconds, isDone }) {
  const connections = await Promise.all(
    fleet.identities.slice(0, VEHICLES).map(async ({ vin, certificatePem, keyPem }) => ({
      vin,
      connection: await connectVehicle({ url: ingestUrl, certificatePem, keyPem, caPem: fleet.serverCaPem }),
    })),
  );
  const metric = metricReader(dispatcher.ports.admin);
  const cpuBefore = treeCpuMicros(dispatcher.pid);
  const lags = [];
  const sampler = setInterval(() => void metric('fleetbridge_snapshot_lag_seconds').then((lag) => lags.push(lag)), 200);
  const startedMs = performance.now();
  const total = perSecond * seconds;
  let sent = 0;
  await new Promise((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min(total, ((performance.now() - startedMs) / 1_000) * perSecond);
      while (sent < due) {
        const { vin, connection } = connections[sent % VEHICLES];
        const payload = drivingPayload({ vin, sequence: ++sent });
        connection.send({
          txid: `dispatch-${startedMs}-${sent}`,
          topic: 'V',
          payload,
          senderId: `vehicle_device.${vin}`,
          deviceId: vin,
        });
      }
      if (sent < total) return;
      clearInterval(timer);
      resolve();
    }, 1);
  });
  const sentMs = performance.now();
  clearInterval(sampler);
  while (!(await isDone(sent, metric))) await new Promise((resolve) => setTimeout(resolve, 50));
  const drainSeconds = (performance.now() - sentMs) / 1_000;
  for (const { connection } of connections) connection.terminate();
  lags.sort((a, b) => a - b);
  return {
    microsPerRecord: (treeCpuMicros(dispatcher.pid) - cpuBefore) / sent,
    lagMedianMs: lags[Math.floor(lags.length / 2)] * 1_000,
    lagMaxMs: lags.at(-1) * 1_000,
    drainSeconds,
  };
}

function metricReader(port) {
  return async (name) => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    return Number(new RegExp(`^${name}\\S* (\\S+)`, 'm').exec(text)?.[1] ?? 0);
  };
}

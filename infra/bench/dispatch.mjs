// CPU of the dispatcher per record, for snapshots alone and with a push subscription in addition, and its lag at 5,000
// records/s.
import { setTimeout as delay } from 'node:timers/promises';
import { connectFleet, drivingPayload, sendSteadily } from './fleet.mjs';
import { median } from './measure.mjs';
import { treeCpuMicros } from './processes.mjs';

const VEHICLES = 50;

/** `seconds` of records at `perSecond`; CPU is counted until every record is processed. */
export async function measureDispatch({ dispatcher, ingestUrl, fleet, perSecond = 5_000, seconds, isDone }) {
  const identities = fleet.identities.slice(0, VEHICLES);
  const connections = await connectFleet({ url: ingestUrl, fleet, identities });
  const metric = metricReader(dispatcher.ports.admin);
  const cpuBefore = treeCpuMicros(dispatcher.pid);
  const lags = [];
  const sampler = setInterval(() => void metric('fleetbridge_snapshot_lag_seconds').then((lag) => lags.push(lag)), 200);
  const startedMs = performance.now();
  const sent = perSecond * seconds;
  const send = (index) => {
    const { vin, sendRecord } = connections[index % VEHICLES];
    const sequence = index + 1;
    sendRecord({ txid: `dispatch-${startedMs}-${sequence}`, payload: drivingPayload({ vin, sequence }) });
  };
  await sendSteadily({ perSecond, seconds, send });
  const sentMs = performance.now();
  clearInterval(sampler);
  while (!(await isDone(sent, metric))) await delay(50);
  const drainSeconds = (performance.now() - sentMs) / 1_000;
  for (const connection of connections) connection.terminate();
  return {
    microsPerRecord: (treeCpuMicros(dispatcher.pid) - cpuBefore) / sent,
    lagMedianMs: median(lags) * 1_000,
    lagMaxMs: Math.max(...lags) * 1_000,
    drainSeconds,
  };
}

function metricReader(port) {
  return async (name) => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    return Number(new RegExp(`^${name}\\S* (\\S+)`, 'm').exec(text)?.[1] ?? 0);
  };
}

// The cost of a frame in the streaming server per subscriber, for a thousand subscribers, next to a bare send of a
// prepared string to as many sockets.
import { setTimeout as delay } from 'node:timers/promises';
import { encodeMessage, Field, timestampOf } from '@fleetbridge/protocol';
import { eventually } from '@fleetbridge/testing';
import { WebSocket } from 'ws';
import { connectFleet, drivingPayload } from './fleet.mjs';
import { treeCpuMicros, treeResidentBytes } from './processes.mjs';

const COLUMNS = 'speed,odometer,soc,elevation,est_heading,est_lat,est_lng,power,shift_state,range,est_range,heading';
const FRAMES_PER_SECOND = 20;

export async function measureFanOut({
  fleet,
  bare,
  streaming,
  ingestUrl,
  token,
  subscribers = 1_000,
  seconds,
  warmUpSeconds,
}) {
  const [vehicle] = await connectFleet({ url: ingestUrl, fleet, identities: fleet.identities.slice(0, 1) });
  const { vin } = vehicle;
  let sequence = 0;
  const sendRecord = () => {
    const isFirst = ++sequence === 1;
    const odometerOnly = {
      data: [{ key: Field.Odometer, value: { doubleValue: sequence } }],
      createdAt: timestampOf(Date.now()),
      vin,
    };
    const payload = isFirst ? drivingPayload({ vin, sequence }) : encodeMessage('V', odometerOnly);
    vehicle.sendRecord({ txid: `fan-${sequence}`, payload });
  };
  sendRecord();

  const text = `{"msg_type":"data:update","tag":"${vin}","value":"1784000000000,42,12345.678,71,,271,48.137154,11.576124,20,D,,,271"}`;
  const bareClients = await openClients({ url: `wss://localhost:${bare.ports.clients}/`, fleet, count: subscribers });
  const bareCost = await costOfFrames({
    pid: bare.pid,
    clients: bareClients,
    seconds,
    warmUpSeconds,
    send: () => bare.child.send({ text }),
  });
  bareClients.close();

  const before = treeResidentBytes(streaming.pid);
  const subscribe = JSON.stringify({ msg_type: 'data:subscribe_oauth', token, tag: vin, value: COLUMNS });
  const clients = await openClients({
    url: `wss://localhost:${streaming.ports.clients}/streaming/`,
    fleet,
    count: subscribers,
    hello: subscribe,
  });
  await eventually(() => clients.frames >= subscribers, 30_000);
  const bytesPerSubscriber = (treeResidentBytes(streaming.pid) - before) / subscribers;
  const cost = await costOfFrames({ pid: streaming.pid, clients, seconds, warmUpSeconds, send: sendRecord });
  clients.close();
  vehicle.terminate();
  return { microsPerFrame: cost, bareMicrosPerFrame: bareCost, bytesPerSubscriber };
}

async function openClients({ url, fleet, count, hello }) {
  const seen = { frames: 0 };
  const sockets = [];
  for (let first = 0; first < count; first += 25) {
    const batch = Array.from({ length: Math.min(25, count - first) }, () => openClient({ url, fleet, hello, seen }));
    sockets.push(...(await Promise.all(batch)));
  }
  return {
    get frames() {
      return seen.frames;
    },
    close: () => {
      for (const socket of sockets) socket.terminate();
    },
  };
}

function openClient({ url, fleet, hello, seen }) {
  const socket = new WebSocket(url, { ca: fleet.serverCaPem, perMessageDeflate: false });
  socket.on('message', (data) => {
    // `{"msg_type":"data:update"…`: one byte distinguishes it from a hello
    if (data[13] === 0x64) seen.frames++;
  });
  return new Promise((resolve, reject) => {
    socket.once('open', () => {
      if (hello) socket.send(hello);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

async function costOfFrames({ pid, clients, seconds, warmUpSeconds, send }) {
  const timer = setInterval(send, 1_000 / FRAMES_PER_SECOND);
  await delay(warmUpSeconds * 1_000);
  const cpuBefore = treeCpuMicros(pid);
  const framesBefore = clients.frames;
  await delay(seconds * 1_000);
  const frames = clients.frames - framesBefore;
  const cpu = treeCpuMicros(pid) - cpuBefore;
  clearInterval(timer);
  return cpu / frames;
}

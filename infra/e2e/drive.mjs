// A simulated vehicle that drives, a TeslaMate client that subscribes to it, an endpoint that receives its records by push,
// and the final comparison of all three. Every record changes the position, so each one must produce a frame with the
// record's own time.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Field, ShiftState } from '@fleetbridge/protocol';
import { SimulatedVehicle, TeslaMateClient } from '@fleetbridge/simulator';
import { eventually } from '@fleetbridge/testing';

const RECORD_MS = 250;

export async function startDrive({ vin, ingestUrl, streamingUrl, token, certificatePem, keyPem, caPem, sink }) {
  const vehicle = new SimulatedVehicle({
    vin,
    url: ingestUrl,
    certificatePem,
    keyPem,
    caPem,
    plan: [],
    reconnect: { minimumMs: 500, maximumMs: 4_000 },
  });
  const client = new TeslaMateClient({ url: streamingUrl, token, tag: vin, caPem, timeFactor: 0.5 });
  let metres = 0;
  const send = () => {
    metres += 3;
    vehicle.send([
      { key: Field.Location, value: { locationValue: { latitude: 48 + metres / 111_000, longitude: 11.5 } } },
      { key: Field.VehicleSpeed, value: { doubleValue: 27 } },
      { key: Field.Gear, value: { shiftStateValue: ShiftState.ShiftStateD } },
    ]);
  };
  vehicle.start();
  send();
  await eventually(() => vehicle.pending === 0, 30_000);
  await client.connect();
  await client.waitFor(({ frames }) => frames.length > 0, 30_000);
  const timer = setInterval(send, RECORD_MS);

  return {
    vehicle,
    client,
    /** Resolves when a record created after this call has reached the client and the endpoint. */
    async whenFlowing(limitMs = 60_000) {
      const sinceMs = Date.now();
      await eventually(() => newestAck(vehicle) > sinceMs, limitMs);
      await client.waitFor(({ frames }) => (frames.at(-1)?.timeMs ?? 0) > sinceMs, limitMs);
      await eventually(() => sink.newestMs() > sinceMs, limitMs);
    },
    /** Ends the drive and resolves to the acknowledged records, oldest first. Rejects if one is missing anywhere. */
    async finish() {
      clearInterval(timer);
      const left = await vehicle.finish(60_000);
      if (left > 0) throw new Error(`${left} records were never acknowledged`);
      const records = [...vehicle.ledger.records.values()];
      const times = records.map(({ createdMs }) => createdMs);
      await client.waitFor(({ frames }) => isSubset(times, new Set(frames.map(({ timeMs }) => timeMs))), 60_000);
      await eventually(
        () =>
          isSubset(
            records.map(({ txid }) => txid),
            new Set(sink.txids),
          ),
        60_000,
      );
      client.stop();
      if (client.crashes.length > 0) throw new Error(`TeslaMate would have crashed: ${client.crashes.join('; ')}`);
      const firsts = [...new Set(sink.txids)];
      const expected = records.map(({ txid }) => txid);
      if (firsts.join() !== expected.join())
        throw new Error('the pushes arrived in a different order than the records');
      return records;
    },
    stop: async () => {
      clearInterval(timer);
      client.stop();
      await vehicle.stop();
    },
  };
}

/** An endpoint for pushes on all addresses, because containers can't reach loopback. */
export async function startSink(vin) {
  const txids = [];
  let newestMs = 0;
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    const { attributes } = JSON.parse(body).message;
    if (attributes.vin === vin) {
      txids.push(attributes.txid);
      newestMs = Math.max(newestMs, Number(attributes.timestamp));
    }
    response.writeHead(204).end();
  }).listen(0);
  await once(server, 'listening');
  const { port } = server.address();
  return { port, txids, newestMs: () => newestMs, stop: () => server.close().closeAllConnections() };
}

function newestAck({ ledger }) {
  let newest = 0;
  for (const { createdMs } of ledger.acknowledged.values()) newest = Math.max(newest, createdMs);
  return newest;
}

function isSubset(some, all) {
  return some.every((item) => all.has(item));
}

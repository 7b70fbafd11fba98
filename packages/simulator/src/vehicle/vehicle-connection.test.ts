import { encodeMessage, Field } from '@fleetbridge/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { caPem, startVehicleServer, until, vehicleIdentity } from '../../test/vehicle-server.js';
import { connectVehicle, VehicleConnectError } from './vehicle-connection.js';

const identity = vehicleIdentity('5YJ3E1EA7KF000001');
const payload = encodeMessage('V', { data: [{ key: Field.Soc, value: { doubleValue: 50 } }] });
const servers: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

async function serverThat(...given: Parameters<typeof startVehicleServer>) {
  const server = await startVehicleServer(...given);
  servers.push(server);
  return server;
}

describe('a vehicle connection', () => {
  it('sends records and reports acks and error answers', async () => {
    const server = await serverThat(({ txid }) => (txid === 'bad' ? 'error' : 'ack'));
    const connection = await connectVehicle({ ...identity, caPem, url: server.url });
    const received: string[] = [];
    connection.onAck((txid, topic) => received.push(`ack ${txid} ${topic}`));
    connection.onErrorAnswer((txid) => received.push(`error ${txid}`));
    connection.send({ txid: 'good', topic: 'V', payload, senderId: `vehicle_device.${identity.vin}` });
    connection.send({ txid: 'bad', topic: 'V', payload });
    connection.sendBytes(Buffer.from('garbage'));
    await until(() => received.length === 3);
    expect(received).toEqual(['ack good V', 'error bad', 'error ']);
    connection.close();
  });

  it('reads nothing while it is paused', async () => {
    const server = await serverThat(() => 'ack');
    const connection = await connectVehicle({ ...identity, caPem, url: server.url });
    let acks = 0;
    connection.onAck(() => acks++);
    connection.pause();
    connection.send({ txid: 'x', topic: 'V', payload });
    await until(() => server.records.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(acks).toBe(0);
    connection.resume();
    await until(() => acks === 1);
    connection.terminate();
  });

  it('reports its close code, also to a listener that is added later', async () => {
    const server = await serverThat(() => 'drop');
    const connection = await connectVehicle({ ...identity, caPem, url: server.url });
    const codes: number[] = [];
    connection.onClose((code) => codes.push(code));
    connection.send({ txid: 'x', topic: 'V', payload });
    await until(() => codes.length === 1);
    connection.onClose((code) => codes.push(code));
    expect(codes).toEqual([1006, 1006]);
    expect(connection.isOpen).toBe(false);
  });

  it('reports the status of a refused upgrade', async () => {
    const server = await serverThat(() => 'ack', { refuseUpgrade: 403 });
    await expect(connectVehicle({ ...identity, caPem, url: server.url })).rejects.toMatchObject({
      name: 'VehicleConnectError',
      statusCode: 403,
    });
  });

  it('trusts only the given CA', async () => {
    const server = await serverThat(() => 'ack');
    const stranger = vehicleIdentity('5YJ3E1EA7KF000002');
    const connecting = connectVehicle({ ...identity, caPem: stranger.certificatePem, url: server.url });
    await expect(connecting).rejects.toBeInstanceOf(VehicleConnectError);
  });
});

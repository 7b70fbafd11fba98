// Per kind of delivery: some vehicles have a record that the broker refuses or never answers. Every other vehicle's
// records arrive, and the bad ones become dead letters. (push: push-subscription.test.ts, kafka:
// kafka-subscription.test.ts, any kind that breaks its promises: worker.test.ts)
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from '@fleetbridge/store/testing';
import { eventually } from '@fleetbridge/testing';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { connectAsync } from 'mqtt';
import { expect } from 'vitest';
import { programPath, startMosquitto, startNats } from './broker.js';
import { type DispatchRig, dispatchRig } from './dispatch-rig.js';

const [natsServer, mosquitto] = [programPath('nats-server'), programPath('mosquitto')];
const QUICK = {
  maximumDeliveries: 2,
  ackDeadlineSeconds: 0.3,
  backOff: { minimumSeconds: 0.01, maximumSeconds: 0.1 },
};
const UNDECODABLE = Buffer.from('0a7f', 'hex');

it.skipIf(natsServer === undefined)(
  'nats: subjects of two vehicles have no stream and no answer',
  async ({ redisServer, redis, cleanup }) => {
    const broker = await startNats(natsServer!);
    cleanup.push(() => broker.dispose());
    const rig = dispatchRig(redis, { url: redisServer.url });
    cleanup.push(() => rig.dispose());
    const connection = await connect({ servers: [`127.0.0.1:${broker.port}`] });
    cleanup.push(() => connection.close());
    const manager = await jetstreamManager(connection);
    const { namespace } = rig;
    await manager.streams.add({ name: 'some', subjects: [`${namespace}.GOOD.>`, `${namespace}.OTHER.>`] });
    connection.subscribe(`${namespace}.HANGS.>`, { callback: () => {} });
    await rig.subscribe({ name: 's', nats: { servers: [`127.0.0.1:${broker.port}`] }, ...QUICK });
    for (const vin of ['REFUSED', 'HANGS']) await rig.add(vin, 0);
    rig.start();
    const sent = await sendUntilDead(rig, 2);
    expect(await deadOf(rig)).toEqual({
      REFUSED: expect.stringMatching(/; the endpoint answers for other vehicles$/),
      HANGS: expect.stringMatching(/; the endpoint answers for other vehicles$/),
    });
    const { state } = await manager.streams.info('some');
    expect(state.messages).toBe(2 * sent);
  },
);

it.skipIf(mosquitto === undefined)('mqtt: a record that cannot be decoded', async ({ redisServer, redis, cleanup }) => {
  const broker = await startMosquitto(mosquitto!);
  cleanup.push(() => broker.dispose());
  const rig = dispatchRig(redis, { url: redisServer.url });
  cleanup.push(() => rig.dispose());
  const client = await connectAsync(`mqtt://127.0.0.1:${broker.port}`);
  cleanup.push(() => client.endAsync());
  const received = new Set<string>();
  client.on('message', (topic, message) => received.add(`${topic} ${message}`));
  await client.subscribeAsync('fleetbridge/+/v/Soc', { qos: 1 });
  await rig.subscribe({ name: 's', mqtt: { url: `mqtt://127.0.0.1:${broker.port}` }, ...QUICK });
  await rig.addRaw({ vin: 'REFUSED', topic: 'V', payload: UNDECODABLE });
  rig.start();
  const sent = await sendUntilDead(rig, 1);
  expect(await deadOf(rig)).toEqual({ REFUSED: expect.stringContaining("can't be decoded") });
  await eventually(() => received.has(`fleetbridge/GOOD/v/Soc ${sent - 1}`));
  expect(received.size).toBe(2 * sent);
});

it('log: a record that cannot be decoded', async ({ redisServer, redis, cleanup }) => {
  const folder = mkdtempSync(join(tmpdir(), 'one-bad-record-'));
  cleanup.push(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'lines.jsonl');
  const rig = dispatchRig(redis, { url: redisServer.url });
  cleanup.push(() => rig.dispose());
  await rig.subscribe({ name: 's', log: { file }, ...QUICK });
  await rig.addRaw({ vin: 'REFUSED', topic: 'V', payload: UNDECODABLE });
  rig.start();
  const sent = await sendUntilDead(rig, 1);
  expect(await deadOf(rig)).toEqual({ REFUSED: expect.stringContaining("can't be decoded") });
  expect(readFileSync(file, 'utf8').trimEnd().split('\n')).toHaveLength(2 * sent);
});

/** Two vehicles send until there are so many dead letters, and all is delivered. Returns how much each of them has sent. */
async function sendUntilDead(rig: DispatchRig, letters: number): Promise<number> {
  let sent = 0;
  await eventually(async () => {
    for (const vin of ['GOOD', 'OTHER']) await rig.add(vin, sent);
    sent++;
    return Object.keys(await deadOf(rig)).length === letters;
  }, 30_000);
  await eventually(() => rig.isDone('s'));
  expect(rig.counts.get('s')).toMatchObject({ deadLettered: letters, suspended: 0 });
  return sent;
}

async function deadOf(rig: DispatchRig): Promise<Record<string, string>> {
  const letters = await rig.store.control('s').deadLetters(9);
  return Object.fromEntries(letters.map(({ entry, error }) => [entry.vin, error]));
}

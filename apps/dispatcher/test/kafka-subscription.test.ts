// Kafka subscriptions against a real broker. A long test: Java takes half a minute to start twice.
import { encodeMessage, Field } from '@fleetbridge/protocol';
import { connectRedis, type RedisConnection, whenReady } from '@fleetbridge/store';
import { type DisposableRedis, eventually, startRedis } from '@fleetbridge/testing';
import { Consumer, stringDeserializers } from '@platformatic/kafka';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { disorder, dispatchRig } from './dispatch-rig.js';
import { startKafka, whyNoKafka } from './kafka-broker.js';

const whyNot = process.env.TEST_LONG ? whyNoKafka() : 'a long test: npm run test:long';
if (whyNot !== undefined) console.log(`skipped: Kafka (${whyNot})`);

let server: DisposableRedis;
let redis: RedisConnection;
const cleanUp: (() => unknown)[] = [];

beforeAll(async () => {
  if (whyNot !== undefined) return;
  server = await startRedis();
  redis = connectRedis({ url: server.url, name: 'test' });
  await whenReady(redis, 5_000);
});
afterAll(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
  redis?.disconnect();
  await server?.stop();
});

describe.skipIf(whyNot !== undefined)('a kafka subscription', () => {
  it('delivers every record at least once, each vehicle in order, even through a kill of the broker', {
    timeout: 240_000,
  }, async () => {
    const broker = await startKafka();
    cleanUp.push(() => broker.dispose());
    const rig = dispatchRig(redis, { url: server.url, partitions: 2 });
    cleanUp.push(() => rig.dispose());
    await rig.subscribe({
      name: 's',
      topics: ['V'],
      maximumDeliveries: 2,
      kafka: { brokers: [broker.address] },
      backOff: { minimumSeconds: 0.05, maximumSeconds: 0.5 },
      ackDeadlineSeconds: 5,
    });
    rig.start();
    const vins = Array.from({ length: 10 }, (_, n) => `VIN${n}`);
    const add = async (from: number, to: number) => {
      for (let n = from; n < to; n++) for (const vin of vins) await rig.add(vin, n);
    };
    // exceeds the limit of the broker: becomes a dead letter, without delaying others
    const data = [{ key: Field.VehicleName, value: { stringValue: 'x'.repeat(1_300_000) } }];
    const tooLarge = await rig.addRaw({ vin: 'BIG', topic: 'V', payload: encodeMessage('V', { data, vin: 'BIG' }) });
    await add(0, 50);
    await eventually(() => rig.isDone('s'), 60_000);
    const disturbed = add(50, 100);
    await broker.kill();
    await disturbed;
    await broker.start();
    await eventually(() => rig.isDone('s'), 90_000);

    const received = await allOf(`${rig.namespace}_V`, broker.address);
    expect(new Set(received.map(({ vin, n }) => `${vin} ${n}`)).size).toBe(1_000);
    expect(disorder(received)).toEqual([]);
    expect(received[0]).toMatchObject({
      key: expect.stringMatching(/^VIN\d$/),
      headers: { txtype: 'V', vin: expect.any(String) },
    });
    for (const { key, vin, headers } of received) expect([key, headers.vin]).toEqual([vin, vin]);
    expect(rig.counts.get('s')).toMatchObject({ deadLettered: 1, delivered: 1_000 });
    expect(await rig.store.control('s').deadLetters(9)).toMatchObject([
      { entry: { id: tooLarge }, error: /MESSAGE_TOO_LARGE/ },
    ]);
  });
});

type Received = { key: string; vin: string; n: number; headers: Record<string, string> };

/** What is in a topic, each partition in its order. */
async function allOf(topic: string, broker: string): Promise<Received[]> {
  const consumer = new Consumer({
    clientId: 'test',
    groupId: `test-${Date.now()}`,
    bootstrapBrokers: [broker],
    deserializers: stringDeserializers,
  });
  const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false, maxWaitTime: 500 });
  cleanUp.push(() => consumer.close(true));
  const received: Received[] = [];
  stream.on('data', (message) => {
    const { vin, data } = JSON.parse(message.value as string);
    const headers = Object.fromEntries(message.headers) as Record<string, string>;
    received.push({ key: message.key as string, vin, n: data[0].value.doubleValue, headers });
  });
  await eventually(() => new Set(received.map(({ vin, n }) => `${vin} ${n}`)).size === 1_000, 60_000);
  return received;
}

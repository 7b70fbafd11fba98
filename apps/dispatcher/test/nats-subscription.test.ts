// NATS subscriptions against a real nats-server with JetStream.

import { it, type RedisTestContext } from '@fleetbridge/store/testing';
import { eventually } from '@fleetbridge/testing';
import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { describe, expect } from 'vitest';
import { programPath, startNats } from './broker.js';
import { disorder, dispatchRig } from './dispatch-rig.js';

const natsServer = programPath('nats-server');
if (natsServer === undefined) console.log('skipped: no nats-server on this machine (apt-get install nats-server)');

const QUICK = { ackDeadlineSeconds: 1, backOff: { minimumSeconds: 0.01, maximumSeconds: 0.1 } };

describe.skipIf(natsServer === undefined)('a nats subscription', () => {
  it('stores every record once per message id, each vehicle in order, even through a restart of the server', async ({
    redisServer,
    redis,
    cleanup,
  }) => {
    const broker = await startNats(natsServer!);
    cleanup.push(() => broker.dispose());
    const rig = dispatchRig(redis, { url: redisServer.url, partitions: 2 });
    cleanup.push(() => rig.dispose());
    await rig.subscribe({ name: 's', nats: { servers: [`127.0.0.1:${broker.port}`], stream: 'telemetry' }, ...QUICK });
    rig.start();
    const vins = ['A', 'B', 'C', 'D'];
    const add = async (from: number, to: number) => {
      for (let n = from; n < to; n++) for (const vin of vins) await rig.add(vin, n);
    };
    const [id] = [await rig.add('A', 0)];
    for (const vin of vins.slice(1)) await rig.add(vin, 0);
    await add(1, 30);
    const disturbed = add(30, 60);
    await broker.kill();
    await disturbed;
    await broker.start();
    await eventually(() => rig.isDone('s'));
    // a redelivery within the duplicate window stores nothing twice
    await rig.store.control('s').seek('0-0');
    await eventually(async () => rig.counts.get('s')!.delivered >= 480 && (await rig.isDone('s')));

    const stored = await storedIn(broker.port, cleanup);
    expect(disorder(stored.map(({ json }) => ({ vin: json.vin, n: json.data[0].value.doubleValue })))).toEqual([]);
    expect(new Set(stored.map(({ messageId }) => messageId)).size).toBe(240);
    expect(stored.length).toBe(240);
    // two partitions may have entries with the same id
    const first = stored.find(({ messageId, json }) => json.vin === 'A' && messageId?.endsWith(id!))!;
    expect(first.subject).toBe(`${rig.namespace}.A.V`);
    expect(first.attributes).toMatchObject({ vin: 'A', txtype: 'V', txid: 'A-0' });
    expect(rig.counts.get('s')).toMatchObject({ deadLettered: 0 });
  });

  it('rejects a record that exceeds the limit of the server', async ({ redisServer, redis, cleanup }) => {
    const broker = await startNats(natsServer!);
    cleanup.push(() => broker.dispose());
    const rig = dispatchRig(redis, { url: redisServer.url });
    cleanup.push(() => rig.dispose());
    const nats = { servers: [`127.0.0.1:${broker.port}`], stream: 'telemetry' };
    await rig.subscribe({ name: 's', payload: 'protobuf', nats, maximumDeliveries: 2, ...QUICK });
    await rig.addRaw({ vin: 'BIG', topic: 'other', payload: Buffer.alloc(1_048_576) });
    await rig.addRaw({ vin: 'BIG', topic: 'V', payload: Buffer.alloc(1_048_576) });
    await rig.add('A', 0);
    rig.start();
    await eventually(() => rig.isDone('s'));
    expect(await rig.store.control('s').deadLetters(9)).toMatchObject([
      { error: /the server accepts at most 1048576/ },
    ]);
    expect(rig.counts.get('s')).toMatchObject({ delivered: 1, deadLettered: 1, passedOver: 1 });
  });

  it('stores records with any transaction id and VIN that a vehicle chooses', async ({
    redisServer,
    redis,
    cleanup,
  }) => {
    const broker = await startNats(natsServer!);
    cleanup.push(() => broker.dispose());
    const rig = dispatchRig(redis, { url: redisServer.url });
    cleanup.push(() => rig.dispose());
    const nats = { servers: [`127.0.0.1:${broker.port}`], stream: 'telemetry' };
    await rig.subscribe({ name: 's', payload: 'json', nats, ...QUICK });
    const payload = Buffer.alloc(0);
    const texts = [
      'a\r\nNats-Msg-Id: b',
      '\u0000',
      '\u001b[31m',
      '\ufffe',
      '\ud800',
      'x'.repeat(70_000),
      'ä'.repeat(70_000),
    ];
    for (const txid of texts) await rig.addRaw({ vin: 'A', topic: 'V', payload, txid, version: txid });
    for (const vin of ['a b', '*', '>', 'a.b', '\r\n', '.']) await rig.addRaw({ vin, topic: 'V', payload });
    await rig.add('B', 0);
    rig.start();
    await eventually(() => rig.isDone('s'));
    expect(rig.counts.get('s')).toMatchObject({ delivered: 14, deadLettered: 0, retried: 0 });
    const stored = await storedIn(broker.port, cleanup);
    expect(stored.filter(({ subject }) => subject === `${rig.namespace}.A.V`)).toHaveLength(7);
    expect(stored[0]!.attributes).toMatchObject({ txid: 'a%0D%0ANats-Msg-Id%3A%20b', vin: 'A' });
  });

  it('is away, and dead-letters nothing, while no stream has the subject', async ({ redisServer, redis, cleanup }) => {
    const broker = await startNats(natsServer!);
    cleanup.push(() => broker.dispose());
    const rig = dispatchRig(redis, { url: redisServer.url });
    cleanup.push(() => rig.dispose());
    await rig.subscribe({ name: 's', nats: { servers: [`127.0.0.1:${broker.port}`] }, ...QUICK });
    await rig.add('A', 0);
    rig.start();
    await eventually(() => (rig.counts.get('s')?.retried ?? 0) >= 2);
    const away = async () => (await rig.store.control('s').lagOf(0)).suspension?.error;
    await eventually(async () => (await away()) !== undefined);
    expect(await away()).toBe(`no stream takes ${rig.namespace}.>; set nats.stream, and fleetbridge creates one`);
    const connection = await connect({ servers: [`127.0.0.1:${broker.port}`] });
    const manager = await jetstreamManager(connection);
    await manager.streams.add({ name: 'late', subjects: [`${rig.namespace}.>`] });
    await connection.close();
    await eventually(() => rig.isDone('s'));
    expect(rig.counts.get('s')).toMatchObject({ deadLettered: 0, delivered: 1 });
  });
});

// biome-ignore lint/suspicious/noExplicitAny: protojson
type Stored = { subject: string; messageId: string | undefined; attributes: Record<string, string>; json: any };

async function storedIn(port: number, cleanup: RedisTestContext['cleanup']): Promise<Stored[]> {
  const connection = await connect({ servers: [`127.0.0.1:${port}`] });
  cleanup.push(() => connection.close());
  const manager = await jetstreamManager(connection);
  const { state } = await manager.streams.info('telemetry');
  await manager.consumers.add('telemetry', {
    durable_name: 'test',
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.All,
  });
  const consumer = await jetstream(connection).consumers.get('telemetry', 'test');
  const stored: Stored[] = [];
  for await (const message of await consumer.fetch({ max_messages: state.messages })) {
    const names = message.headers?.keys() ?? [];
    stored.push({
      subject: message.subject,
      messageId: message.headers?.get('Nats-Msg-Id'),
      attributes: Object.fromEntries(names.map((name) => [name, message.headers!.get(name)])),
      json: JSON.parse(message.string()),
    });
  }
  return stored;
}

// The streaming server on a Redis Cluster: vehicles of partitions on every node, and a node that is killed during a
// drive.
import { encodeMessage, timestampOf } from '@fleetbridge/protocol';
import { TeslaMateClient } from '@fleetbridge/simulator';
import {
  Appender,
  connectivityPayload,
  connectRedis,
  partitionOf,
  type RedisConnection,
  whenReady,
} from '@fleetbridge/store';
import { eventually, type RedisCluster, startRedisCluster } from '@fleetbridge/testing';
import { cleanupAfterEach } from '@fleetbridge/testing/cleanup';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRig, type Rig, TOKEN } from './streaming-rig.js';
import { dataOf, driving } from './vehicle-log.js';

const PARTITIONS = 8;
let cluster: RedisCluster;
let redis: RedisConnection;
let rig: Rig;
const cleanUp = cleanupAfterEach();

beforeAll(async () => {
  cluster = await startRedisCluster();
  redis = connectRedis({ url: cluster.url, name: 'test' });
  await whenReady(redis, 5_000);
  const env = { PARTITIONS: String(PARTITIONS) };
  rig = await createRig({ redisUrl: cluster.url, redis, namespace: 'cluster', cleanup: cleanUp, env });
});
afterAll(async () => {
  await rig.stop();
  redis.disconnect();
  await cluster.stop();
});

it('sends TeslaMate every frame of a drive, in order and once, although the node of the vehicle fails and returns', {
  timeout: 60_000,
}, async () => {
  const appender = new Appender({
    store: rig.store,
    processId: () => 'ingest',
  });
  cleanUp.push(() => appender.stop());
  const drives = Array.from({ length: PARTITIONS }, (_, partition) => newDrive(appender, vinOf(partition)));
  await Promise.all(drives.map((drive) => drive.begin()));
  for (let speed = 1; speed <= 30; speed++) {
    for (const drive of drives) drive.send(speed);
    if (speed === 10) await cluster.nodes[1]!.kill();
    if (speed === 20) {
      await eventually(() => appender.isInTrouble);
      await cluster.nodes[1]!.start();
    }
    if (speed < 10) await eventually(() => drives.every(({ speeds }) => speeds().length > speed));
  }
  const expected = Array.from({ length: 31 }, (_, speed) => speed);
  await eventually(() => drives.every(({ speeds }) => speeds().length >= expected.length), 30_000);
  for (const { client, speeds } of drives) {
    expect(speeds()).toEqual(expected);
    expect(client.crashes).toEqual([]);
    expect(client.count('connected')).toBe(1);
  }
});

it('knows the vehicles of all partitions', async () => {
  const { tokens, origin } = rig;
  const { token } = await tokens.create({ vin: vinOf(3), label: '', nowMs: 1 });
  const client = new TeslaMateClient({ url: origin, token, tag: vinOf(3) });
  cleanUp.push(() => client.stop());
  await client.connect();
  const response = await fetch(`${rig.url}/vehicles`, { headers: { authorization: `Bearer ${TOKEN}` } });
  expect(response.status).toBe(200);
  const text = await response.text();
  for (let partition = 0; partition < PARTITIONS; partition++) expect(text).toContain(vinOf(partition));
});

/** A vehicle that writes to the log as ingest does, with its TeslaMate. */
function newDrive(appender: Appender, vin: string) {
  const client = new TeslaMateClient({ url: rig.origin, token: TOKEN, tag: vin });
  cleanUp.push(() => client.stop());
  let createdMs = Date.now() - 3_600_000;
  const append = (topic: string, txid: string, payload: Buffer) => {
    const kind = topic === 'V' ? 'record' : 'connect';
    const record = {
      kind,
      vin,
      topic,
      txid: Buffer.from(txid),
      createdMs,
      receivedMs: Date.now(),
      version: '',
    } as const;
    appender.append({ ...record, payload }, { settled: () => {} });
  };
  const send = (speed: number) => {
    createdMs += 1_000;
    const data = dataOf({ ...driving, VehicleSpeed: speed });
    append('V', `${speed}`, encodeMessage('V', { data, createdAt: timestampOf(createdMs), vin }));
  };
  return {
    client,
    send,
    speeds: () => client.frames.map(({ speed }) => speed),
    begin: async () => {
      const connected = { vin, connectionId: 'c', isConnected: true, atMs: createdMs, networkInterface: 'wifi' };
      append('connectivity', 'c', connectivityPayload(connected));
      send(0);
      await client.connect();
      await client.waitFor(({ frames }) => frames.length === 1);
    },
  };
}

function vinOf(partition: number): string {
  for (let n = 0; ; n++) {
    const vin = `5YJ3E1EA7KF3${String(n).padStart(5, '0')}`;
    if (partitionOf(vin, PARTITIONS) === partition) return vin;
  }
}

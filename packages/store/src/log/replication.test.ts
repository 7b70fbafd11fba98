// ACK_REPLICAS against a cluster whose masters have a replica each: what is acknowledged survives a failover, and waiting
// for a replica holds up nothing else.
import { createServer, type Socket } from 'node:net';
import {
  type DisposableRedis,
  eventually,
  type RedisCluster,
  sendRedisCommand,
  startRedisCluster,
} from '@fleetbridge/testing';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { sendSteadily } from '../../test/steady-sender.js';
import { acquireLease, renewLease } from '../lease/lease.js';
import { connectRedis, type RedisConnection, whenReady } from '../redis/connection.js';
import { partitionKeys, partitionOf } from '../redis/keys.js';
import { Store } from '../redis/store.js';
import { Appender, type AppenderOptions, type AppendOutcome } from './appender.js';
import { parseEntry } from './entry.js';
import { whenReplicated } from './replication.js';

const PARTITIONS = 4;
const VINS = Array.from({ length: PARTITIONS }, (_, partition) => {
  for (let n = 0; ; n++) if (partitionOf(`VIN${n}`, PARTITIONS) === partition) return `VIN${n}`;
});

let cluster: RedisCluster;
let redis: RedisConnection;
let namespaces = 0;
const cleanUp: (() => unknown)[] = [];

beforeAll(async () => {
  cluster = await startRedisCluster({ replicas: 1 });
  redis = connectRedis({ url: cluster.url, name: 'test' });
  await whenReady(redis, 5_000);
});
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
  await Promise.all(cluster.nodes.map((node) => node.start()));
  await cluster.whenWhole();
});
afterAll(async () => {
  redis.disconnect();
  await cluster.stop();
});

describe('with ACK_REPLICAS=1', () => {
  it('a promoted replica has every acknowledged record, in order and once', async () => {
    const { append, stored } = open({ ackReplicas: 1 });
    const load = VINS.map((vin) => sendSteadily((txid) => append(vin, txid)));
    await eventually(() => load.every(({ acknowledged }) => acknowledged.length > 50));
    const killed = await cluster.masterOf('0');
    await killed.kill();
    const promoted = await eventually(() => anotherMaster('0', killed), 20_000);
    const held = () => txidsAt(promoted.port, stored.key(VINS[0]!), VINS[0]!);
    const acknowledged = [...load[0]!.acknowledged];
    expect((await held()).slice(0, acknowledged.length)).toEqual(acknowledged);

    // it stores again, but has no replica of its own until the killed one is back
    await eventually(async () => (await held()).length > acknowledged.length);
    expect(load[0]!.acknowledged).toEqual(acknowledged);
    await killed.start();
    await eventually(() => load.every((one) => one.acknowledged.length > acknowledged.length + 100), 20_000);
    await Promise.all(load.map((one) => one.stop()));
    for (const [partition, vin] of VINS.entries()) {
      expect(load[partition]!.acknowledged).toEqual(load[partition]!.sent);
      expect(await stored(vin)).toEqual(load[partition]!.sent);
    }
  });

  it('acknowledges nothing while the replica is away, and delays no other command', async () => {
    const { store, appender, append, stored } = open({ ackReplicas: 1 });
    const [vin = ''] = VINS;
    expect(await append(vin, '1')).toBe('stored');
    const lease = (await acquireLease(store, { partition: 0, name: 'l', owner: 'a', leaseMs: 60_000 }))!;
    const replica = await replicaOf('0');
    await replica.kill();
    const waiting = append(vin, '2');
    // the master has it, and waits for the replica
    await eventually(async () => (await stored(vin)).length === 2);
    for (let n = 0; n < 5; n++) await renewLease(store, lease, 60_000);
    expect(appender.unsettledRecords).toBe(1);
    await replica.start();
    expect(await waiting).toMatch(/stored|repeat/);
    expect(await stored(vin)).toEqual(['1', '2']);
  });

  it('does not acknowledge a record as a repeat that another process stored without replication', async () => {
    const { namespace, append, stored } = open({ ackReplicas: 1, callTimeoutMs: 500 });
    const [vin = ''] = VINS;
    await append(vin, '1');
    const replica = await replicaOf('0');
    await replica.kill();
    void append(vin, '2');
    await eventually(async () => (await stored(vin)).length === 2);
    const other = open({ ackReplicas: 1, callTimeoutMs: 500, namespace });
    let outcome: AppendOutcome | undefined;
    void other.append(vin, '2', 'possible_repeat').then((settled) => {
      outcome = settled;
    });
    await eventually(() => other.appender.isInTrouble);
    expect(outcome).toBeUndefined();
    await replica.start();
    await eventually(() => outcome === 'repeat');
  });

  it('reports how many replicas have the records when there are too few', async () => {
    const { port } = await cluster.masterOf('0');
    const connection = new Redis({ port, protocol: 2 });
    cleanUp.push(() => connection.disconnect());
    // time enough for the one that there is
    const wanted = { replicas: 2, limitMs: 1_000, fenceKey: partitionKeys('x', 0).ackFence };
    await expect(whenReplicated(connection, wanted)).rejects.toThrow('NOREPLICAS 1 of 2');
  });
});

describe('a Redis with WAITAOF', () => {
  // Redis 7.2 and newer. The installed one may be older, so a fake server answers here.
  it.each([
    [1, undefined],
    [0, 'NOREPLICAS 0 of 1 replicas have the records on disk'],
  ])('waits for the disks of the replicas, not for their memory: %i of 1 has the records', async (reached, failure) => {
    const server = await startFakeRedis({ WAITAOF: `*2\r\n:1\r\n:${reached}\r\n`, WAIT: ':9\r\n' });
    const connection = new Redis({ port: server.port, protocol: 2, enableReadyCheck: false });
    cleanUp.push(
      () => server.stop(),
      () => connection.disconnect(),
    );
    const asked = whenReplicated(connection, { replicas: 1, limitMs: 100, fenceKey: 'f' });
    if (failure === undefined) await asked;
    else await expect(asked).rejects.toThrow(failure);
    expect(server.received).toContain('WAITAOF 0 1 100');
    expect(server.received.indexOf('set f 1')).toBeLessThan(server.received.indexOf('WAITAOF 0 1 100'));
    expect(server.received.some((command) => command.startsWith('wait '))).toBe(false);
  });
});

function open({
  namespace = `replicas-${namespaces++}`,
  ...options
}: Partial<AppenderOptions> & { namespace?: string }) {
  const store = new Store({ redis, url: cluster.url, namespace, partitions: PARTITIONS });
  const appender = new Appender({ store, processId: () => 'process-1', ...options });
  cleanUp.push(() => appender.stop());
  const key = (vin: string) => store.keysOf(vin).records;
  const stored = async (vin: string) => {
    const entries = (await redis.xrangeBuffer(key(vin), '-', '+')).map(parseEntry);
    return entries.filter((entry) => entry.vin === vin).map(({ txid }) => txid);
  };
  return {
    namespace,
    store,
    appender,
    append: (vin: string, txid: string, kind: 'record' | 'possible_repeat' = 'record') =>
      new Promise<AppendOutcome>((settled) => {
        const record = { kind, vin, topic: 'V', createdMs: 1, receivedMs: 2, version: '', payload: Buffer.from('p') };
        appender.append({ ...record, txid: Buffer.from(txid) }, { settled });
      }),
    stored: Object.assign(stored, { key }),
  };
}

async function anotherMaster(tag: string, than: DisposableRedis): Promise<DisposableRedis | false> {
  const master = await cluster.masterOf(tag);
  return master !== than && master;
}

async function replicaOf(tag: string): Promise<DisposableRedis> {
  const { port } = await cluster.masterOf(tag);
  for (const node of cluster.nodes) {
    if (new RegExp(`master_port:${port}\\b`).test(String(await sendRedisCommand(node.port, 'INFO', 'replication'))))
      return node;
  }
  throw new Error(`${port} has no replica`);
}

/** What one node holds itself. */
async function txidsAt(port: number, key: string, vin: string): Promise<string[]> {
  const entries = (await sendRedisCommand(port, 'XRANGE', key, '-', '+')) as [string, string[]][];
  const of = (fields: string[], name: string) => fields[fields.indexOf(name) + 1]!;
  return entries.filter(([, fields]) => of(fields, 'vin') === vin).map(([, fields]) => of(fields, 'txid'));
}

/** Answers OK to every command without an entry in `answers`. */
async function startFakeRedis(answers: Record<string, string>) {
  const received: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.setEncoding('latin1').on('data', (text: string) => {
      for (const command of text.split(/(?=\*\d+\r\n\$)/)) {
        const words = command.split('\r\n').filter((line) => line !== '' && !/^[*$]\d+$/.test(line));
        received.push(words.join(' '));
        socket.write(answers[words[0]!.toUpperCase()] ?? '+OK\r\n');
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    received,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

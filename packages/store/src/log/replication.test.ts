// ACK_REPLICAS on a cluster with one replica per master: acknowledged records survive a failover, and waiting for a replica
// delays no other command.
import { createServer, type Socket } from 'node:net';
import { type DisposableRedis, eventually, type RedisCluster, sendRedisCommand } from '@fleetbridge/testing';
import { Redis } from 'ioredis';
import { describe, expect } from 'vitest';
import { vinOfPartition } from '../../test/appender-test.js';
import { clusterTest } from '../../test/cluster-test.js';
import { sendSteadily } from '../../test/steady-sender.js';
import { acquireLease, renewLease } from '../lease/lease.js';
import { partitionKeys } from '../redis/keys.js';
import type { AppendOutcome } from './appender.js';
import { whenReplicated } from './replication.js';

const PARTITIONS = 4;
/** One vehicle per partition. */
const VINS = Array.from({ length: PARTITIONS }, (_, partition) => vinOfPartition(partition, PARTITIONS));
const it = clusterTest({ replicas: 1, partitions: PARTITIONS });

describe('with ACK_REPLICAS=1', () => {
  it('has every acknowledged record on a promoted replica, in order and once', async ({ cluster, open }) => {
    const { store, append, stored } = open({ ackReplicas: 1 });
    const load = VINS.map((vin) => sendSteadily((txid) => append({ vin, txid })));
    await eventually(() => load.every(({ acknowledged }) => acknowledged.length > 50));
    const killed = await cluster.masterOf('0');
    await killed.kill();
    const promoted = await eventually(async () => {
      const master = await cluster.masterOf('0');
      return master !== killed && master;
    }, 20_000);
    const onPromoted = () => txidsAt(promoted.port, store.keys(0).records, VINS[0]!);
    const acknowledged = [...load[0]!.acknowledged];
    expect((await onPromoted()).slice(0, acknowledged.length)).toEqual(acknowledged);

    // it stores records again, but has no replica until the killed node is back
    await eventually(async () => (await onPromoted()).length > acknowledged.length);
    expect(load[0]!.acknowledged).toEqual(acknowledged);
    await killed.start();
    await eventually(() => load.every((sender) => sender.acknowledged.length > acknowledged.length + 100), 20_000);
    await Promise.all(load.map((sender) => sender.stop()));
    for (const [partition, vin] of VINS.entries()) {
      expect(load[partition]!.acknowledged).toEqual(load[partition]!.sent);
      expect(await stored(vin)).toEqual(load[partition]!.sent);
    }
  });

  it('acknowledges nothing while the replica is away, and delays no other command', async ({ cluster, open }) => {
    const { store, appender, append, stored } = open({ ackReplicas: 1 });
    const [vin = ''] = VINS;
    expect(await append({ vin, txid: '1' })).toBe('stored');
    const lease = (await acquireLease(store, { partition: 0, name: 'l', owner: 'a', leaseMs: 60_000 }))!;
    const replica = await replicaOf(cluster, '0');
    await replica.kill();
    const waiting = append({ vin, txid: '2' });
    // the master has stored it, and waits for the replica
    await eventually(async () => (await stored(vin)).length === 2);
    for (let n = 0; n < 5; n++) await renewLease(store, lease, 60_000);
    expect(appender.unsettledRecords).toBe(1);
    await replica.start();
    expect(await waiting).toMatch(/stored|repeat/);
    expect(await stored(vin)).toEqual(['1', '2']);
  });

  it('does not acknowledge a record as a repeat that another process stored without replication', async ({
    cluster,
    open,
  }) => {
    const { append, stored } = open({ ackReplicas: 1, callTimeoutMs: 500 });
    const [vin = ''] = VINS;
    await append({ vin, txid: '1' });
    const replica = await replicaOf(cluster, '0');
    await replica.kill();
    void append({ vin, txid: '2' });
    await eventually(async () => (await stored(vin)).length === 2);
    const other = open({ ackReplicas: 1, callTimeoutMs: 500 });
    let outcome: AppendOutcome | undefined;
    void other.append({ vin, txid: '2', kind: 'possible_repeat' }).then((settled) => {
      outcome = settled;
    });
    await eventually(() => other.appender.isInTrouble);
    expect(outcome).toBeUndefined();
    await replica.start();
    await eventually(() => outcome === 'repeat');
  });

  it('reports how many replicas have the records when there are too few', async ({ cluster, cleanup }) => {
    const { port } = await cluster.masterOf('0');
    const connection = new Redis({ port, protocol: 2 });
    cleanup.push(() => connection.disconnect());
    // enough time for the only replica
    const request = { replicas: 2, limitMs: 1_000, fenceKey: partitionKeys('x', 0).ackFence };
    await expect(whenReplicated(connection, request)).rejects.toThrow('NOREPLICAS 1 of 2');
  });
});

describe('a Redis with WAITAOF', () => {
  // WAITAOF needs Redis 7.2. The installed server may be older, so a fake server answers here.
  it.for([
    [1, undefined],
    [0, 'NOREPLICAS 0 of 1 replicas have the records on disk'],
  ] as const)(
    'waits until replicas have the records on disk, not only in memory: %i of 1 has them',
    async ([reached, failure], { cleanup }) => {
      const server = await startFakeRedis({ WAITAOF: `*2\r\n:1\r\n:${reached}\r\n`, WAIT: ':9\r\n' });
      const connection = new Redis({ port: server.port, protocol: 2, enableReadyCheck: false });
      cleanup.push(
        () => server.stop(),
        () => connection.disconnect(),
      );
      const replicated = whenReplicated(connection, { replicas: 1, limitMs: 100, fenceKey: 'f' });
      if (failure === undefined) await replicated;
      else await expect(replicated).rejects.toThrow(failure);
      expect(server.received).toContain('WAITAOF 0 1 100');
      expect(server.received.indexOf('set f 1')).toBeLessThan(server.received.indexOf('WAITAOF 0 1 100'));
      expect(server.received.some((command) => command.startsWith('wait '))).toBe(false);
    },
  );
});

async function replicaOf(cluster: RedisCluster, tag: string): Promise<DisposableRedis> {
  const { port } = await cluster.masterOf(tag);
  for (const node of cluster.nodes) {
    if (new RegExp(`master_port:${port}\\b`).test(String(await sendRedisCommand(node.port, 'INFO', 'replication'))))
      return node;
  }
  throw new Error(`${port} has no replica`);
}

/** Txids of a vehicle's records on one node, without redirection. */
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

import { connect, createServer, type Socket } from 'node:net';
import { type DisposableRedis, eventually, sendRedisCommand, startRedis, startTcpRelay } from '@fleetbridge/testing';
import { cleanupAfterEach } from '@fleetbridge/testing/cleanup';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectivityPayload } from '../presence/connectivity.js';
import { Presence } from '../presence/presence.js';
import { connectRedis, type RedisConnection, whenReady } from '../redis/connection.js';
import { partitionKeys, partitionOf } from '../redis/keys.js';
import { Store } from '../redis/store.js';
import { Appender, type AppenderOptions, type AppendOutcome } from './appender.js';
import { type LogEntry, parseEntry } from './entry.js';
import type { RecordKind, RecordToAppend } from './record-packing.js';

const VIN = '5YJ3E1EA7KF000001';
const OTHER_VIN = '5YJ3E1EA7KF000002';
let server: DisposableRedis;
let redis: RedisConnection;
let namespaces = 0;
const cleanUp = cleanupAfterEach();

beforeAll(async () => {
  server = await startRedis();
  redis = connectRedis({ url: server.url, name: 'test' });
  await whenReady(redis, 5_000);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

describe('Appender', () => {
  it('stores every field of a record unchanged', async () => {
    const { append, entries } = open();
    const payload = Buffer.from([0, 1, 2, 255, 13, 10]);
    expect(
      await append({
        txid: 'tx',
        payload,
        payloadSuffix: Buffer.from('vin'),
        createdMs: 1_784_000_000_250,
        receivedMs: 1_784_000_000_300,
        version: '2026.20',
      }),
    ).toBe('stored');
    expect(await entries()).toMatchObject([
      {
        vin: VIN,
        topic: 'V',
        txid: 'tx',
        createdMs: 1_784_000_000_250,
        receivedMs: 1_784_000_000_300,
        version: '2026.20',
        payload: Buffer.concat([payload, Buffer.from('vin')]),
      },
    ]);
  });

  it('keeps the order of a thousand records over several calls', async () => {
    const { append, entries } = open();
    const txids = Array.from({ length: 1_000 }, (_, n) => `tx-${n}`);
    const outcomes = await Promise.all(txids.map((txid) => append({ txid })));
    expect(new Set(outcomes)).toEqual(new Set(['stored']));
    expect((await entries()).map(({ txid }) => txid)).toEqual(txids);
  });

  it('stores a possible repeat once, and reports the repeat', async () => {
    const { append, entries } = open();
    expect(await append({ txid: 'a' })).toBe('stored');
    expect(await append({ txid: 'a', kind: 'possible_repeat' })).toBe('repeat');
    expect(await append({ txid: 'b', kind: 'possible_repeat' })).toBe('stored');
    expect(await append({ txid: 'a', topic: 'alerts', kind: 'possible_repeat' })).toBe('stored');
    expect(await append({ txid: 'a', vin: OTHER_VIN, kind: 'possible_repeat' })).toBe('stored');
    expect(await entries()).toHaveLength(4);
  });

  it('finds a repeat of a record with its own time, whether or not newer records precede it', async () => {
    const { append, entries } = open();
    const dated = (txid: string, createdMs: number) => append({ txid, createdMs, kind: 'possible_repeat_dated' });
    expect(await dated('a', 1_000)).toBe('stored');
    expect(await dated('b', 2_000)).toBe('stored');
    // made before b and lost on the way: not a repeat, although it is older than the newest stored record
    expect(await dated('late', 1_500)).toBe('stored');
    expect(await Promise.all([dated('a', 1_000), dated('b', 2_000), dated('late', 1_500)])).toEqual([
      'repeat',
      'repeat',
      'repeat',
    ]);
    expect(await Promise.all([dated('c', 3_000), dated('c', 3_000)])).toEqual(['stored', 'repeat']);
    expect((await entries()).map(({ txid }) => txid)).toEqual(['a', 'b', 'late', 'c']);
  });

  it('finds a repeat of a record that was stored with its time of reception, because its own lay in the future', async () => {
    const { append } = open();
    expect(await append({ txid: 'a', createdMs: 1_000, isClockAhead: true })).toBe('stored');
    // the same record a minute later, when its own time does not lie in the future any more
    expect(await append({ txid: 'a', createdMs: 65_000, kind: 'possible_repeat_dated' })).toBe('repeat');
    expect(await append({ txid: 'b', createdMs: 66_000, kind: 'possible_repeat_dated' })).toBe('stored');
    expect(await append({ txid: 'b', createdMs: 66_000, kind: 'possible_repeat_dated' })).toBe('repeat');
  });

  it('finds repeats after the ring was truncated', async () => {
    const { append } = open();
    const send = (from: number) =>
      Promise.all(
        Array.from({ length: 3_000 - from }, (_, n) =>
          append({ txid: `tx-${from + n}`, createdMs: 1_000 + from + n, kind: 'possible_repeat_dated' }),
        ),
      );
    expect(new Set(await send(0))).toEqual(new Set(['stored']));
    expect(new Set(await send(3_000 - 1_024))).toEqual(new Set(['repeat']));
  });

  it('finds a repeat within one call', async () => {
    const { append, entries } = open();
    expect(await Promise.all([append({ txid: 'a' }), append({ txid: 'a', kind: 'possible_repeat' })])).toEqual([
      'stored',
      'repeat',
    ]);
    expect(await entries()).toHaveLength(1);
  });

  it('does not treat records without a txid as repeats of each other', async () => {
    const { append, entries } = open();
    const outcomes = await Promise.all([
      append({ txid: '', kind: 'possible_repeat' }),
      append({ txid: '', kind: 'possible_repeat' }),
    ]);
    expect(outcomes).toEqual(['stored', 'stored']);
    expect(await entries()).toHaveLength(2);
  });

  it('remembers at least the last 1,024 records of a vehicle in at most 16 KB', async () => {
    const { append, namespace } = open();
    await Promise.all(Array.from({ length: 5_000 }, (_, n) => append({ txid: `tx-${n}` })));
    const repeats = await Promise.all(
      Array.from({ length: 1_024 }, (_, n) => append({ txid: `tx-${5_000 - 1_024 + n}`, kind: 'possible_repeat' })),
    );
    expect(new Set(repeats)).toEqual(new Set(['repeat']));
    expect(await redis.strlen(partitionKeys(namespace, 0).seenPrefix + VIN)).toBeLessThanOrEqual(16_384);
  });

  it('stores a record once when the answer is lost on its way back', async () => {
    const relay = await startTcpRelay(server.port);
    cleanUp.push(() => relay.stop());
    const through = connectRedis({ url: `redis://127.0.0.1:${relay.port}`, name: 'through relay' });
    cleanUp.push(() => through.disconnect());
    await whenReady(through, 5_000);
    const troubles: string[] = [];
    const { append, entries } = open({
      redis: through,
      callTimeoutMs: 300,
      onTrouble: (error) => troubles.push(error.message),
    });

    expect(await append({ txid: 'before' })).toBe('stored');
    relay.losesAnswers = true;
    const lost = Array.from({ length: 20 }, (_, n) => append({ txid: `lost-${n}` }));
    await eventually(async () => (await entries()).length === 21);
    const later = append({ txid: 'later' });
    await eventually(() => troubles.length > 0);
    relay.losesAnswers = false;
    relay.cut();

    expect(new Set(await Promise.all(lost))).toEqual(new Set(['repeat']));
    expect(await later).toBe('stored');
    expect((await entries()).map(({ txid }) => txid)).toEqual([
      'before',
      ...Array.from({ length: 20 }, (_, n) => `lost-${n}`),
      'later',
    ]);
  });

  it('also stores a record without a txid once when the answer is lost', async () => {
    const relay = await startTcpRelay(server.port);
    cleanUp.push(() => relay.stop());
    const through = connectRedis({ url: `redis://127.0.0.1:${relay.port}`, name: 'through relay' });
    cleanUp.push(() => through.disconnect());
    await whenReady(through, 5_000);
    const { append, entries } = open({ redis: through, callTimeoutMs: 300 });
    relay.losesAnswers = true;
    const outcome = append({ txid: '' });
    await eventually(async () => (await entries()).length === 1);
    relay.losesAnswers = false;
    relay.cut();
    expect(await outcome).toBe('repeat');
    expect(await entries()).toHaveLength(1);
  });

  it('stores a record once that waited here while its vehicle sent it again to another process', async () => {
    const relay = await startTcpRelay(server.port);
    cleanUp.push(() => relay.stop());
    const through = connectRedis({ url: `redis://127.0.0.1:${relay.port}`, name: 'through relay' });
    cleanUp.push(() => through.disconnect());
    await whenReady(through, 5_000);
    const { namespace, appender, append, entries } = open({ redis: through, callTimeoutMs: 300 });
    relay.losesAnswers = true;
    const first = append({ txid: 'under way' });
    await eventually(async () => (await entries()).length === 1);
    const second = append({ txid: 'behind it' });
    await eventually(() => appender.isInTrouble);

    const other = new Appender({ store: storeOf(namespace), processId: () => 'process-2' });
    cleanUp.push(() => other.stop());
    const again = record({ txid: 'behind it', kind: 'possible_repeat' });
    expect(await new Promise((settled) => other.append(again, { settled }))).toBe('stored');
    relay.losesAnswers = false;
    relay.cut();
    expect(await first).toBe('repeat');
    expect(await second).toBe('repeat');
    expect((await entries()).map(({ txid }) => txid)).toEqual(['under way', 'behind it']);
  });

  it('stores nothing twice when the network delivers an abandoned and repeated call late', async () => {
    const relay = await startHoldingRelay(server.port);
    cleanUp.push(() => relay.stop());
    const through = connectRedis({ url: `redis://127.0.0.1:${relay.port}`, name: 'through relay' });
    cleanUp.push(() => through.disconnect());
    await whenReady(through, 5_000);
    const { append, entries } = open({ redis: through, callTimeoutMs: 200 });
    expect(await append({ txid: 'before' })).toBe('stored');
    relay.hold();
    const outcomes = [append({ txid: 'a' }), append({ txid: 'b' })];
    await eventually(() => relay.heldBytes > 0);
    relay.cut();
    expect(await Promise.all(outcomes)).toEqual(['stored', 'stored']);
    expect(await append({ txid: 'c' })).toBe('stored');
    await relay.deliverHeld();
    expect((await entries()).map(({ txid }) => txid)).toEqual(['before', 'a', 'b', 'c']);
  });

  it('stores a record once when the network delivers its call after its vehicle has sent it to another process', async () => {
    const relay = await startHoldingRelay(server.port);
    cleanUp.push(() => relay.stop());
    const through = connectRedis({ url: `redis://127.0.0.1:${relay.port}`, name: 'through relay' });
    cleanUp.push(() => through.disconnect());
    await whenReady(through, 5_000);
    const { namespace, append, entries } = open({ redis: through });
    expect(await append({ txid: 'before' })).toBe('stored');
    relay.hold();
    const delayed = append({ txid: 'a' });
    await eventually(() => relay.heldBytes > 0);
    const sentMs = performance.now();
    const other = new Appender({ store: storeOf(namespace), processId: () => 'process-2' });
    cleanUp.push(() => other.stop());
    const again = record({ txid: 'a', kind: 'possible_repeat' });
    expect(await new Promise((settled) => other.append(again, { settled }))).toBe('stored');
    // a vehicle resends later than this test
    await eventually(() => performance.now() - sentMs > 300);
    await relay.deliverHeld();
    expect(await delayed).toBe('repeat');
    expect((await entries()).map(({ txid }) => txid)).toEqual(['before', 'a']);
  });

  it.each([0, 1])('finds the new master behind its URL, with %i replicas to wait for', async (ackReplicas) => {
    const [old, promoted] = await Promise.all([0, 1].map(() => startRedis(['--repl-diskless-sync-delay', '0'])));
    const relay = await startTcpRelay(old!.port);
    const through = connectRedis({ url: `redis://127.0.0.1:${relay.port}`, name: 'through relay' });
    cleanUp.push(
      () => Promise.all([old!.stop(), promoted!.stop()]),
      () => relay.stop(),
      () => through.disconnect(),
    );
    await Promise.all([
      whenReady(through, 5_000),
      sendRedisCommand(promoted!.port, 'REPLICAOF', '127.0.0.1', old!.port),
    ]);
    const { append, appender, namespace } = open({ redis: through, ackReplicas });
    expect(await append({ txid: '1' })).toBe('stored');
    await eventually(
      async () => (await sendRedisCommand(promoted!.port, 'EXISTS', partitionKeys(namespace, 0).records)) === 1,
    );

    // the connections to the old one stay open
    await sendRedisCommand(old!.port, 'REPLICAOF', '127.0.0.1', promoted!.port);
    const waiting = append({ txid: '2' });
    await eventually(() => appender.isInTrouble);
    relay.targetPort = promoted!.port;
    await sendRedisCommand(promoted!.port, 'REPLICAOF', 'NO', 'ONE');
    expect(await waiting).toMatch(/stored|repeat/);
    await eventually(() => through.set('written', 'by other connections').catch(() => false), 10_000);
    expect(await sendRedisCommand(promoted!.port, 'XLEN', partitionKeys(namespace, 0).records)).toBe(2);
  });

  it('keeps records while Redis is killed, and stores them in order when Redis is back', async () => {
    const own = await startRedis();
    cleanUp.push(() => own.stop());
    const connection = connectRedis({ url: own.url, name: 'test' });
    cleanUp.push(() => connection.disconnect());
    await whenReady(connection, 5_000);
    const recovered: number[] = [];
    const { appender, append, entries } = open({
      redis: connection,
      onRecovered: ({ attempts }) => recovered.push(attempts),
    });
    expect(await append({ txid: 'before' })).toBe('stored');
    await own.kill();
    const during = Array.from({ length: 600 }, (_, n) => append({ txid: `during-${n}` }));
    await eventually(() => appender.isInTrouble);
    expect(appender.unsettledRecords).toBe(600);
    await own.start();
    expect(new Set(await Promise.all(during))).toEqual(new Set(['stored']));
    expect((await entries(connection)).map(({ txid }) => txid)).toEqual([
      'before',
      ...Array.from({ length: 600 }, (_, n) => `during-${n}`),
    ]);
    expect(appender.unsettledRecords).toBe(0);
    expect(appender.unsettledBytes).toBe(0);
    expect(recovered).toHaveLength(1);
  });

  it('waits while Redis is at its memory limit, and continues when memory is free', async () => {
    const { appender, append, entries } = open();
    expect(await append({ txid: 'before' })).toBe('stored');
    await redis.config('SET', 'maxmemory', '1');
    const waiting = [append({ txid: 'a' }), append({ txid: 'b' })];
    await eventually(() => appender.isInTrouble);
    await redis.config('SET', 'maxmemory', '0');
    expect(await Promise.all(waiting)).toEqual(['stored', 'stored']);
    expect((await entries()).map(({ txid }) => txid)).toEqual(['before', 'a', 'b']);
  });

  it('reports a record that Redis rejects permanently, and stores records of other partitions', async () => {
    const { append, namespace } = open({ partitions: 2 });
    const [first, second] = [vinOfPartition(0), vinOfPartition(1)];
    await redis.set(partitionKeys(namespace, 0).records, 'not a stream');
    expect(await Promise.all([append({ vin: first }), append({ vin: second })])).toEqual(['failed', 'stored']);
  });

  it('sends the records of one turn of the event loop as one call', async () => {
    const calls: number[] = [];
    const { append } = open({ onCall: ({ records }) => calls.push(records) });
    await Promise.all(Array.from({ length: 100 }, (_, n) => append({ txid: `tx-${n}` })));
    expect(calls).toEqual([100]);
  });

  it('drain returns how many records have no outcome at the deadline', async () => {
    const { appender, append } = open();
    void append({});
    expect(await appender.drain(5_000)).toBe(0);
    await redis.config('SET', 'maxmemory', '1');
    void append({ txid: 'stuck' });
    expect(await appender.drain(50)).toBe(1);
    appender.stop();
    await redis.config('SET', 'maxmemory', '0');
  });
});

describe('presence through the log', () => {
  it('changes together with the connectivity record, once per change', async () => {
    const { append, entries, presence } = open();
    expect(await append(connectivity('connect', 'c-1'))).toBe('stored');
    expect(await append(connectivity('connect', 'c-1'))).toBe('repeat');
    expect(await presence.of(VIN)).toEqual({
      vin: VIN,
      connectionId: 'c-1',
      processId: 'process-1',
      sinceMs: 2,
      networkInterface: 'wifi',
    });
    expect(await append(connectivity('disconnect', 'c-1'))).toBe('stored');
    expect(await append(connectivity('disconnect', 'c-1'))).toBe('repeat');
    expect(await presence.of(VIN)).toBeUndefined();
    expect((await entries()).map(({ topic, txid }) => [topic, txid])).toEqual([
      ['connectivity', 'c-1'],
      ['connectivity', 'c-1'],
    ]);
  });

  it('ignores the late close of a connection that has been replaced', async () => {
    const { append, presence } = open();
    await append(connectivity('connect', 'old'));
    await append(connectivity('connect', 'new'));
    expect(await append(connectivity('disconnect', 'old'))).toBe('repeat');
    expect((await presence.of(VIN))?.connectionId).toBe('new');
  });

  it('is not written twice when the answer to a connect and its disconnect is lost', async () => {
    const relay = await startTcpRelay(server.port);
    cleanUp.push(() => relay.stop());
    const through = connectRedis({ url: `redis://127.0.0.1:${relay.port}`, name: 'through relay' });
    cleanUp.push(() => through.disconnect());
    await whenReady(through, 5_000);
    const { append, entries, presence } = open({ redis: through, callTimeoutMs: 300 });
    relay.losesAnswers = true;
    const outcomes = Promise.all([append(connectivity('connect', 'c-1')), append(connectivity('disconnect', 'c-1'))]);
    await eventually(async () => (await entries()).length === 2);
    relay.losesAnswers = false;
    relay.cut();
    expect(await outcomes).toEqual(['repeat', 'repeat']);
    expect(await entries()).toHaveLength(2);
    expect(await presence.of(VIN)).toBeUndefined();
  });

  it('reconnects only a vehicle without another connection', async () => {
    const { append, entries, presence } = open();
    await append(connectivity('connect', 'c-1'));
    expect(await append(connectivity('reconnect', 'c-1'))).toBe('repeat');
    await append(connectivity('disconnect', 'c-1'));
    expect(await append(connectivity('reconnect', 'c-1'))).toBe('stored');
    await append(connectivity('connect', 'c-2'));
    expect(await append(connectivity('reconnect', 'c-1'))).toBe('elsewhere');
    expect((await presence.of(VIN))?.connectionId).toBe('c-2');
    expect(await entries()).toHaveLength(4);
  });

  it('keeps the order of a connect, its records and a disconnect', async () => {
    const { append, entries } = open();
    await Promise.all([
      append(connectivity('connect', 'c-1')),
      append({ txid: 'a' }),
      append(connectivity('disconnect', 'c-1')),
      append({ txid: 'b' }),
    ]);
    expect((await entries()).map(({ txid }) => txid)).toEqual(['c-1', 'a', 'c-1', 'b']);
  });

  it('is cleared when the process is dead, and kept while the process is alive', async () => {
    const { append, entries, presence } = open();
    await append(connectivity('connect', 'c-1'));
    expect(await presence.renewProcess('process-1', 60_000)).toBe(false);
    expect(await presence.renewProcess('process-1', 60_000)).toBe(true);
    expect(await presence.reportDead(0, 5_000)).toEqual([]);
    await presence.endProcess('process-1');
    expect((await presence.reportDead(0, 5_000)).map(({ connectionId }) => connectionId)).toEqual(['c-1']);
    expect(await presence.reportDead(0, 5_000)).toEqual([]);
    expect(await presence.all()).toEqual([]);
    expect((await entries()).map(({ topic, createdMs }) => [topic, createdMs])).toEqual([
      ['connectivity', 1],
      ['connectivity', 5_000],
    ]);
  });
});

interface OpenOptions extends Partial<AppenderOptions> {
  /** Another connection than the one of all tests. */
  redis?: RedisConnection;
  partitions?: number;
}

/** An appender with a namespace of its own, and access to what it stores. */
function open({ redis: connection = redis, partitions = 1, ...options }: OpenOptions = {}) {
  const namespace = `test-${namespaces++}`;
  const store = new Store({ redis: connection, url: server.url, namespace, partitions });
  const appender = new Appender({ store, processId: () => 'process-1', ...options });
  cleanUp.push(() => appender.stop());
  const append = (changes: RecordChanges) => {
    return new Promise<AppendOutcome>((settled) => appender.append(record(changes), { settled }));
  };
  const entries = async (connection = redis): Promise<LogEntry[]> => {
    return (await connection.xrangeBuffer(partitionKeys(namespace, 0).records, '-', '+')).map(parseEntry);
  };
  return { namespace, appender, append, entries, presence: new Presence(storeOf(namespace, partitions)) };
}

function storeOf(namespace: string, partitions = 1): Store {
  return new Store({ redis, url: server.url, namespace, partitions });
}

/**
 * What TCP does after a break: bytes that were sent on a connection which its sender has closed meanwhile are delivered
 * when the network is back. `hold` keeps what the present connections send, `cut` ends them for the client alone.
 */
async function startHoldingRelay(targetPort: number) {
  const connections = new Set<{ client: Socket; target: Socket; held: Buffer[] | undefined }>();
  const held: { target: Socket; bytes: Buffer[] }[] = [];
  const relay = createServer((client) => {
    const target = connect(targetPort, '127.0.0.1');
    const connection = { client, target, held: undefined as Buffer[] | undefined };
    connections.add(connection);
    for (const socket of [client, target]) socket.on('error', () => {});
    client.on('data', (bytes) => (connection.held ? connection.held.push(bytes) : target.write(bytes)));
    target.on('data', (bytes) => client.write(bytes));
    client.on('close', () => connection.held ?? target.destroy());
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  return {
    port: (relay.address() as { port: number }).port,
    get heldBytes() {
      return held.reduce((sum, { bytes }) => sum + Buffer.concat(bytes).length, 0);
    },
    hold() {
      for (const connection of connections) {
        connection.held = [];
        held.push({ target: connection.target, bytes: connection.held });
      }
    },
    cut() {
      for (const { client, held } of connections) if (held) client.destroy();
    },
    /** Resolves when the target has answered what was held. */
    async deliverHeld() {
      for (const { target, bytes } of held) {
        target.write(Buffer.concat(bytes));
        await new Promise((resolve) => target.once('data', resolve));
      }
    },
    async stop() {
      for (const { client, target } of connections) {
        client.destroy();
        target.destroy();
      }
      await new Promise((resolve) => relay.close(resolve));
    },
  };
}

type RecordChanges = Partial<Omit<RecordToAppend, 'txid'>> & { txid?: string };

function record({ txid = 'tx', ...changes }: RecordChanges): RecordToAppend {
  return {
    kind: 'record',
    vin: VIN,
    topic: 'V',
    createdMs: 1,
    receivedMs: 2,
    version: '',
    payload: Buffer.from('p'),
    ...changes,
    txid: Buffer.from(txid),
  };
}

function connectivity(kind: RecordKind, connectionId: string): RecordChanges {
  const payload = connectivityPayload({
    vin: VIN,
    connectionId,
    isConnected: kind === 'connect',
    atMs: 1,
    networkInterface: 'wifi',
  });
  return { kind, topic: 'connectivity', txid: connectionId, networkInterface: 'wifi', payload };
}

function vinOfPartition(partition: number): string {
  for (let n = 0; ; n++) if (partitionOf(`VIN${n}`, 2) === partition) return `VIN${n}`;
}

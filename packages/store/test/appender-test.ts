// The test function for files that append records: the Redis fixtures (src/testing), an appender, and access to what it
// stores.

import { Appender, type AppenderOptions, type AppendOutcome } from '../src/log/appender.js';
import { type LogEntry, parseEntry } from '../src/log/entry.js';
import type { RecordKind, RecordToAppend } from '../src/log/record-packing.js';
import { connectivityPayload } from '../src/presence/connectivity.js';
import { Presence } from '../src/presence/presence.js';
import { connectRedis, type RedisConnection, whenReady } from '../src/redis/connection.js';
import { partitionOf } from '../src/redis/keys.js';
import { Store } from '../src/redis/store.js';
import { it as redisTest } from '../src/testing/index.js';

export const VIN = '5YJ3E1EA7KF000001';

export interface OpenOptions extends Partial<Omit<AppenderOptions, 'store'>> {
  /** The appender's connection, when it is not the one that reads the entries. */
  redis?: RedisConnection;
  url?: string;
  partitions?: number;
}

export type OpenedAppender = ReturnType<typeof openAppender>;

export const it = redisTest.extend<{ open: (options?: OpenOptions) => OpenedAppender }>({
  open: async ({ store, cleanup }, use) => {
    await use((options) => openAppender(store, cleanup, options));
  },
});

/** An appender in the namespace of a store, and access to what it stores through the connection of that store. */
export function openAppender(reader: Store, cleanup: (() => unknown)[], options: OpenOptions = {}) {
  const { redis = reader.redis, url = reader.url, partitions = reader.partitions, ...appenderOptions } = options;
  const { namespace } = reader;
  const store = new Store({ redis, url, namespace, partitions });
  const appender = new Appender({ store, processId: () => 'process-1', ...appenderOptions });
  cleanup.push(() => appender.stop());
  const entriesOf = async (key: string, connection: RedisConnection): Promise<LogEntry[]> =>
    (await connection.xrangeBuffer(key, '-', '+')).map(parseEntry);
  return {
    store,
    appender,
    append: (changes: RecordChanges) =>
      new Promise<AppendOutcome>((settled) => appender.append(record(changes), { settled })),
    presence: new Presence(new Store({ ...reader, partitions })),
    /** The entries of the first partition. */
    entries: (connection = reader.redis) => entriesOf(store.keys(0).records, connection),
    /** Txids of a vehicle's records, in the order of the log. */
    stored: async (vin: string) => {
      const ofPartition = await entriesOf(store.keysOf(vin).records, reader.redis);
      return ofPartition.filter((entry) => entry.vin === vin).map(({ txid }) => txid);
    },
  };
}

/** A connection to a relay or server of the test. Both are closed after the test. */
export async function connectTo(
  endpoint: { port: number; stop: () => Promise<void> },
  cleanup: (() => unknown)[],
): Promise<RedisConnection> {
  const connection = connectRedis({ url: `redis://127.0.0.1:${endpoint.port}`, name: 'test' });
  cleanup.push(
    () => endpoint.stop(),
    () => connection.disconnect(),
  );
  await whenReady(connection, 5_000);
  return connection;
}

export type RecordChanges = Partial<Omit<RecordToAppend, 'txid'>> & { txid?: string };

export function record({ txid = 'tx', ...changes }: RecordChanges): RecordToAppend {
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

export function connectivity(kind: RecordKind, connectionId: string, vin = VIN): RecordChanges {
  const payload = connectivityPayload({
    vin,
    connectionId,
    isConnected: kind === 'connect',
    atMs: 1,
    networkInterface: 'wifi',
  });
  return { kind, topic: 'connectivity', vin, txid: connectionId, networkInterface: 'wifi', payload };
}

export function vinOfPartition(partition: number, partitions: number): string {
  for (let n = 0; ; n++) if (partitionOf(`VIN${n}`, partitions) === partition) return `VIN${n}`;
}

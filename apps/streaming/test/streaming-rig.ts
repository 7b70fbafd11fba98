// The streaming server as a worker runs it, in this process: a real Redis, real TLS where asked for, real sockets on
// ports of the system's choice. Each has a namespace of its own, so that tests of a file can share one Redis.
import { encodeMessage, Field, timestampOf } from '@fleetbridge/protocol';
import { createLogger, createReadiness, loadConfig, type StopFunction } from '@fleetbridge/service';
import {
  connectivityPayload,
  connectRedis,
  type LogEntry,
  LogPages,
  Store,
  TokenStore,
  whenReady,
} from '@fleetbridge/store';
import { eventually } from '@fleetbridge/testing';
import { streamingConfig } from '../src/config.js';
import { type StreamingOptions, startStreaming } from '../src/streaming.js';

export const VIN = '5YJ3E1EA7KF000001';
export const OTHER_VIN = '5YJ3E1EA7KF000002';
export const TOKEN = 'bridge-token';

export interface RigOptions extends Pick<StreamingOptions, 'now' | 'pace' | 'unreadLimitMs' | 'onOpen'> {
  redisUrl: string;
  env?: Record<string, string>;
}

let namespaces = 0;

export async function startRig({ redisUrl, env = {}, ...options }: RigOptions) {
  const namespace = `rig-${process.pid}-${namespaces++}`;
  const { config } = loadConfig(streamingConfig, {
    env: {
      REDIS_URL: redisUrl,
      NAMESPACE: namespace,
      STREAMING_BIND: '127.0.0.1',
      STREAMING_PORT: '0',
      STREAMING_GRPC_PORT: '0',
      STREAMING_TLS: 'off',
      BRIDGE_TOKEN: TOKEN,
      ...env,
    },
  });
  const lines: Record<string, unknown>[] = [];
  const log = createLogger({
    name: 'streaming',
    level: 'debug',
    destination: { write: (line) => void lines.push(JSON.parse(line)) },
  });
  const stops: StopFunction[] = [];
  const stopping = new AbortController();
  const context = { log, signal: stopping.signal, onStop: (_: string, stop: StopFunction) => void stops.push(stop) };
  const streaming = await startStreaming({
    config,
    context,
    readiness: createReadiness({ signal: stopping.signal }),
    listens: true,
    pace: { quietMs: 5, ...options.pace },
    ...options,
  });
  const redis = connectRedis({ url: redisUrl, name: 'test' });
  await whenReady(redis, 5_000);
  const store = new Store({ redis, url: redisUrl, namespace, partitions: config.PARTITIONS });

  /** As ingest appends it; resolves when the server has read it. */
  async function append(record: { vin?: string; topic: string; txid?: string; atMs?: number; payload: Buffer }) {
    const { vin = VIN, topic, txid = 't', atMs = Date.now(), payload } = record;
    const { partition, records } = store.keysOf(vin);
    const fields = { vin, topic, txid, created: atMs, received: atMs, version: '' };
    const pairs = [...Object.entries(fields).flat(), 'payload', payload];
    const id = (await redis.xadd(records, '*', ...pairs))!;
    await eventually(() => streaming.records.position(partition) === id);
    return id;
  }

  const { clients, grpc } = streaming.ports;
  const scheme = config.STREAMING_TLS ? 's' : '';
  return {
    ...streaming,
    namespace,
    redis,
    store,
    lines,
    tokens: new TokenStore(store),
    url: `http${scheme}://127.0.0.1:${clients}`,
    wsUrl: `ws${scheme}://127.0.0.1:${clients}/streaming/`,
    grpcAddress: `127.0.0.1:${grpc}`,
    append,
    soc: (soc: number, { vin = VIN, atMs = Date.now() } = {}) =>
      append({
        vin,
        topic: 'V',
        txid: `soc-${soc}`,
        atMs,
        payload: encodeMessage('V', {
          vin,
          createdAt: timestampOf(atMs),
          data: [{ key: Field.Soc, value: { doubleValue: soc } }],
        }),
      }),
    presence: (isConnected: boolean, vin = VIN) =>
      append({
        vin,
        topic: 'connectivity',
        payload: connectivityPayload({
          vin,
          connectionId: 'c-1',
          isConnected,
          atMs: Date.now(),
          networkInterface: 'wifi',
        }),
      }),
    entries: async (): Promise<LogEntry[]> => {
      const pages = new LogPages(store);
      return (await store.eachPartition(({ partition }) => pages.after(partition, '0-0', 10_000))).flat();
    },
    stop: async () => {
      stopping.abort();
      for (const stop of stops.splice(0).reverse()) await stop({ deadlineMs: 5_000 });
      redis.disconnect();
    },
  };
}

export type Rig = Awaited<ReturnType<typeof startRig>>;

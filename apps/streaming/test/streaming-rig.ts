// The streaming server as a worker runs it, in this process: real TLS where wanted, real sockets on ports that the
// system chooses.
import { encodeMessage, Field, timestampOf } from '@fleetbridge/protocol';
import { createLogger, createReadiness, loadConfig, type StopFunction } from '@fleetbridge/service';
import {
  connectivityPayload,
  type LogEntry,
  LogPages,
  type RedisConnection,
  Store,
  TokenStore,
} from '@fleetbridge/store';
import { eventually } from '@fleetbridge/testing';
import { streamingConfig } from '../src/config.js';
import { type StreamingOptions, startStreaming } from '../src/streaming.js';

export const VIN = '5YJ3E1EA7KF000001';
export const OTHER_VIN = '5YJ3E1EA7KF000002';
export const TOKEN = 'bridge-token';

export interface RigOptions
  extends Pick<
    StreamingOptions,
    | 'now'
    | 'monotonicNow'
    | 'pace'
    | 'unreadLimitMs'
    | 'onOpen'
    | 'slotTimes'
    | 'elevation'
    | 'limits'
    | 'identityPollMs'
  > {
  redisUrl: string;
  redis: RedisConnection;
  namespace: string;
  /** What is pushed is called after the test, the last first. */
  cleanup: (() => unknown)[];
  env?: Record<string, string>;
}

export type Rig = Awaited<ReturnType<typeof createRig>>;

export async function createRig({ redisUrl, redis, namespace, cleanup, env = {}, pace, ...options }: RigOptions) {
  const { config } = loadConfig(streamingConfig, {
    env: {
      REDIS_URL: redisUrl,
      NAMESPACE: namespace,
      STREAMING_BIND: '127.0.0.1',
      STREAMING_PORT: '0',
      STREAMING_GRPC_PORT: '0',
      STREAMING_TLS: 'off',
      // tests of the time itself set it
      OFFLINE_AFTER: '0',
      BRIDGE_TOKEN: TOKEN,
      ...env,
    },
  });
  const lines: Record<string, unknown>[] = [];
  const log = createLogger({
    name: 'streaming',
    level: 'debug',
    destination: {
      write: (line) => {
        lines.push(JSON.parse(line));
        if (process.env.TEST_LOG !== undefined) process.stderr.write(line);
      },
    },
  });
  const stops: StopFunction[] = [];
  const stopping = new AbortController();
  const readiness = createReadiness({ signal: stopping.signal });
  const streaming = await startStreaming({
    config,
    context: { log, signal: stopping.signal, onStop: (_: string, stop: StopFunction) => void stops.push(stop) },
    readiness,
    listens: true,
    pace: { quietMs: 5, ...pace },
    ...options,
  });
  const store = new Store({ redis, url: redisUrl, namespace, partitions: config.PARTITIONS });

  /** Appends as ingest does; resolves when the server has read the record. */
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
  const authority = `${config.STREAMING_TLS ? 's' : ''}://127.0.0.1:${clients}`;
  return {
    ...streaming,
    port: clients,
    lines,
    readiness,
    redis,
    namespace,
    store,
    cleanup,
    tokens: new TokenStore(store),
    url: `http${authority}`,
    /** The address that TeslaMate is configured with. */
    origin: `ws${authority}`,
    wsUrl: `ws${authority}/streaming/`,
    grpcAddress: `127.0.0.1:${grpc}`,
    append,
    soc: (soc: number, { vin = VIN, atMs = Date.now() } = {}) => {
      const data = [{ key: Field.Soc, value: { doubleValue: soc } }];
      const payload = encodeMessage('V', { vin, createdAt: timestampOf(atMs), data });
      return append({ vin, topic: 'V', txid: `soc-${soc}`, atMs, payload });
    },
    presence: (isConnected: boolean, vin = VIN) => {
      const facts = { vin, connectionId: 'c-1', isConnected, atMs: Date.now(), networkInterface: 'wifi' };
      return append({ vin, topic: 'connectivity', payload: connectivityPayload(facts) });
    },
    entries: async (): Promise<LogEntry[]> => {
      const pages = new LogPages(store);
      return (await store.eachPartition(({ partition }) => pages.after(partition, '0-0', 10_000))).flat();
    },
    stop: async () => {
      stopping.abort();
      for (const stop of stops.splice(0).reverse()) await stop({ deadlineMs: 5_000 });
    },
  };
}

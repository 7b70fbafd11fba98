// A log in a real Redis with subscriptions, any number of dispatchers in this process, and functions to append records.
import { encodeMessage, Field, timestampOf } from '@fleetbridge/protocol';
import { createLogger } from '@fleetbridge/service';
import { type RedisConnection, Store, SubscriptionStore } from '@fleetbridge/store';
import { createDeliveryCounts, type DeliveryCounts } from '../src/subscription/delivery-counts.js';
import type { LaneLimits } from '../src/subscription/lane.js';
import { Subscriptions } from '../src/subscription/subscriptions.js';

export interface DispatchRig {
  namespace: string;
  logStore: Store;
  store: SubscriptionStore;
  counts: Map<string, DeliveryCounts>;
  /** Lines of the log, as JSON. */
  lines: Record<string, unknown>[];
  /** Creates a subscription that starts with the first entry. */
  subscribe(definition: { name: string } & Record<string, unknown>): Promise<void>;
  start(options?: { owner?: string; leaseMs?: number; limits?: LaneLimits; now?: () => number }): Subscriptions;
  /** Appends a V record with Soc `n`; returns its entry id. */
  add(vin: string, n: number): Promise<string>;
  addRaw(entry: RawEntry): Promise<string>;
  /** Whether no entry is pending or new for it. */
  isDone(subscription: string): Promise<boolean>;
  dispose(): Promise<void>;
}

export interface RawEntry {
  vin: string;
  topic: string;
  payload: Buffer;
  txid?: string;
  createdMs?: number;
  receivedMs?: number;
  version?: string;
}

let namespaces = 0;

export function dispatchRig(
  redis: RedisConnection,
  { url, partitions = 1, ...given }: { url: string; partitions?: number; namespace?: string },
): DispatchRig {
  const namespace = given.namespace ?? `dispatch-${process.pid}-${namespaces++}`;
  const logStore = new Store({ redis, url, namespace, partitions });
  const store = new SubscriptionStore(logStore);
  const counts = new Map<string, DeliveryCounts>();
  const started: Subscriptions[] = [];
  const lines: Record<string, unknown>[] = [];
  const log = createLogger({
    name: 'test',
    format: 'json',
    destination: {
      write: (line: string) => {
        lines.push(JSON.parse(line));
        if (process.env.TEST_LOG === 'on') process.stderr.write(line);
      },
    },
  });
  const addRaw = async (entry: RawEntry) => {
    const { vin, topic, payload, txid = 't', createdMs = 1_000, receivedMs = Date.now(), version = '' } = entry;
    const { records } = logStore.keysOf(vin);
    const fields = ['vin', vin, 'topic', topic, 'txid', txid, 'created', createdMs, 'received', receivedMs];
    return (await redis.xadd(records, '*', ...fields, 'version', version, 'payload', payload))!;
  };
  return {
    namespace,
    logStore,
    store,
    counts,
    lines,
    addRaw,
    subscribe: async (definition) => {
      const { name } = definition;
      await store.create({ name, origin: 'cli', definition }, { from: 'earliest', nowMs: Date.now() });
    },
    start: ({ owner = `dispatcher-${started.length}`, ...options } = {}) => {
      const subscriptions = new Subscriptions({
        store: logStore,
        owner,
        log,
        env: {},
        countsOf: (name) => {
          const found = counts.get(name) ?? createDeliveryCounts(() => {});
          counts.set(name, found);
          return found;
        },
        ...options,
      });
      started.push(subscriptions);
      subscriptions.start();
      return subscriptions;
    },
    add: (vin, n) => {
      const data = [{ key: Field.Soc, value: { doubleValue: n } }];
      const payload = encodeMessage('V', { data, createdAt: timestampOf(1_000 + n), vin });
      return addRaw({ vin, topic: 'V', payload, txid: `${vin}-${n}` });
    },
    isDone: async (subscription) => (await store.control(subscription).lag()).every(({ records }) => records === 0),
    dispose: async () => {
      await Promise.all(started.map((subscriptions) => subscriptions.stop({ deadlineMs: 2_000 })));
    },
  };
}

/** Violations: per VIN, first deliveries must be in order, and only delivered records may repeat. */
export function disorder(deliveries: readonly { vin: string; n: number }[]): string[] {
  const highest = new Map<string, number>();
  const problems: string[] = [];
  for (const { vin, n } of deliveries) {
    const last = highest.get(vin) ?? -1;
    if (n > last + 1) problems.push(`${vin}: ${n} after ${last}`);
    if (n === last + 1) highest.set(vin, n);
  }
  return problems;
}

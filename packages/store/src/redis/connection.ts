// Connections to Redis or to a Redis Cluster. The client neither queues nor resends commands: when to send, and what to
// repeat after a lost answer, is decided where the order of records is known. From a cluster the client follows only
// answers to commands that were not executed (MOVED, ASK, TRYAGAIN).
import { setTimeout as delay } from 'node:timers/promises';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { withAnswerLimit } from './answer-limit.js';
import { clusterOf } from './cluster-url.js';

export interface RedisConnectionOptions {
  /** `redis://…` or `rediss://…`; for a cluster `redis+cluster://…` or `rediss+cluster://…` (cluster-url.ts). */
  url: string;
  /** Shown by CLIENT LIST. */
  name: string;
  /** Called once per change between reachable and unreachable, with the reason. */
  onChange?: ((change: { isReachable: boolean; reason: string }) => void) | undefined;
}

/** The difference matters in few places, all of them in this package. */
export type RedisConnection = Redis | Cluster;

/** A connection whose answer takes longer is closed, because every later answer would wait behind it. */
export const ANSWER_LIMIT_MS = 5_000;

const retryPauseMs = (attempt: number) => Math.min(50 * 2 ** Math.min(attempt, 5), 1_000);

const settings = {
  // RESP2 works with every Redis and every service that speaks its protocol
  protocol: 2,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  // The client would not handle the failure of its own SUBSCRIBE: a connection that breaks again at once would end the
  // process with an unhandled rejection. Who subscribes does so at each 'ready'.
  autoResubscribe: false,
  maxRetriesPerRequest: 0,
  connectTimeout: 5_000,
  socketTimeout: ANSWER_LIMIT_MS,
  disconnectTimeout: 100,
  keepAlive: 10_000,
} satisfies RedisOptions;

/** Connects in the background and retries without limit. A command without a connection fails immediately. */
export function connectRedis({ url, name, onChange }: RedisConnectionOptions): RedisConnection {
  const cluster = clusterOf(url);
  if (cluster === undefined) return connectSingle({ url, name, onChange });
  const { nodes, ...access } = cluster;
  const connection = new Cluster(nodes, {
    // No retryStrategy for the nodes: a lost node is looked up again in the cluster.
    redisOptions: { ...settings, ...access, connectionName: name },
    enableOfflineQueue: false,
    // After a lost answer it is unknown whether the command was executed, and CLUSTERDOWN may last: the callers retry.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    // For MOVED, ASK and TRYAGAIN. Beyond this limit the client replaces the message of the error.
    maxRedirections: 8,
    // A cluster that is down answers each command with CLUSTERDOWN.
    enableReadyCheck: false,
    clusterRetryStrategy: retryPauseMs,
    slotsRefreshTimeout: 2_000,
    // TLS checks the certificate against the name, so the name must not be resolved to an address here.
    dnsLookup: (host, resolved) => resolved(null, host),
  });
  keepConnected(connection);
  return reportChanges(connection, onChange);
}

const LOST_NODE_REFRESH_MS = 500;

/**
 * The client connects to a node when a command needs it, forgets a node that is lost, and fails commands while it
 * connects. Therefore connections are made in advance, and after a loss the slots of the cluster are refreshed.
 */
function keepConnected(cluster: Cluster): void {
  let isRefreshPlanned = false;
  cluster.on('+node', (node: Redis) => {
    // later, so that the command that needs the node is sent first
    setImmediate(() => {
      if (node.status === 'wait' && !node.options.readOnly) node.connect().catch(() => {});
    });
  });
  cluster.on('-node', () => {
    if (isRefreshPlanned) return;
    isRefreshPlanned = true;
    setTimeout(() => {
      isRefreshPlanned = false;
      if (cluster.status === 'ready') cluster.refreshSlotsCache();
    }, LOST_NODE_REFRESH_MS).unref();
  });
}

/**
 * One connection to any node of a cluster, and to the next node when it breaks: for what every node can do, such as
 * subscribing to a channel. For a single Redis the same as `connectRedis`.
 */
export function connectAnyNode({ url, name, onChange }: RedisConnectionOptions): Redis {
  const cluster = clusterOf(url);
  if (cluster === undefined) return connectSingle({ url, name, onChange });
  const { nodes, ...access } = cluster;
  let next = Math.floor(Math.random() * nodes.length);
  const nextNode = () => nodes[next++ % nodes.length];
  const redis: Redis = new Redis({
    ...settings,
    ...access,
    ...nextNode(),
    connectionName: name,
    retryStrategy: (attempt) => {
      // the client reads the options at each connect
      Object.assign(redis.options, nextNode());
      return retryPauseMs(attempt);
    },
  });
  return reportChanges(redis, onChange);
}

/** The shortest time between two reconnects because of a read-only server. */
const READ_ONLY_RECONNECT_MS = 5_000;

function connectSingle({ url, name, onChange }: RedisConnectionOptions): Redis {
  let reconnectedMs = Number.NEGATIVE_INFINITY;
  const redis = new Redis(url, {
    ...settings,
    connectionName: name,
    retryStrategy: retryPauseMs,
    // A server that becomes a replica keeps its connections. The name in the URL may resolve to the new master by now.
    reconnectOnError: ({ message }) => {
      if (!BECAME_REPLICA.test(message) || performance.now() - reconnectedMs < READ_ONLY_RECONNECT_MS) return false;
      reconnectedMs = performance.now();
      return true;
    },
  });
  return reportChanges(redis, onChange);
}

/** Errors of a server that became a replica: it rejects writes, and ends a WAIT. */
const BECAME_REPLICA = /^(?:READONLY|UNBLOCKED)\b/;

function reportChanges<Connection extends RedisConnection>(
  redis: Connection,
  onChange: RedisConnectionOptions['onChange'],
): Connection {
  let isReachable: boolean | undefined;
  const changed = (now: boolean, reason: string) => {
    if (isReachable === now) return;
    isReachable = now;
    onChange?.({ isReachable: now, reason });
  };
  let lastError = 'connection closed';
  const failed = (error: Error) => {
    lastError = error.message || (error as NodeJS.ErrnoException).code || lastError;
  };
  redis.on('ready', () => changed(true, 'connected'));
  redis.on('error', failed);
  redis.on('node error', failed);
  redis.on('close', () => changed(false, lastError));
  return redis;
}

/**
 * Waits until commands are answered, or throws the last error after the time limit. In a cluster one node has to
 * answer; all nodes that can be reached are then connected.
 */
export async function whenReady(redis: RedisConnection, limitMs: number): Promise<void> {
  const deadline = performance.now() + limitMs;
  let failure: unknown;
  while (performance.now() < deadline) {
    try {
      await redis.ping();
      if (redis instanceof Cluster) await whenNodesSettled(redis, deadline - performance.now());
      return;
    } catch (error) {
      failure = error;
      await delay(50);
    }
  }
  throw failure ?? new Error(`no answer within ${limitMs} ms`);
}

/** Resolves at the limit as well: a node that is away must not hold up those that answer. */
async function whenNodesSettled(cluster: Cluster, limitMs: number): Promise<void> {
  const settled = Promise.allSettled(cluster.nodes('master').map((node) => node.ping()));
  await withAnswerLimit(settled, Math.max(0, limitMs), () => {}).catch(() => {});
}

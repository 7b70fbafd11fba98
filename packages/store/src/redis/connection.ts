// Connections to Redis, or to a Redis Cluster. Never queued by the client, never resent by it: what is sent when, and what
// is repeated after a lost answer, is decided where the order of records is known. Of a cluster's answers the client
// follows only those that say that nothing was done (MOVED, ASK, TRYAGAIN).
import { setTimeout as delay } from 'node:timers/promises';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { withAnswerLimit } from './answer-limit.js';
import { clusterOf } from './cluster-url.js';

export interface RedisConnectionOptions {
  /** `redis://…` or `rediss://…`; of a cluster `redis+cluster://…` or `rediss+cluster://…` (cluster-url.ts). */
  url: string;
  /** Shown by CLIENT LIST. */
  name: string;
  /** Called once for each change between reachable and not, with the reason. */
  onChange?: ((change: { isReachable: boolean; reason: string }) => void) | undefined;
}

/** Which of the two it is matters in this package alone, and there in few places. */
export type RedisConnection = Redis | Cluster;

/** A connection that owes an answer and gives none for so long is ended: every later one would wait behind it. */
export const ANSWER_LIMIT_MS = 5_000;

const retryPauseMs = (attempt: number) => Math.min(50 * 2 ** Math.min(attempt, 5), 1_000);

const settings = {
  // RESP2 works with every Redis and every service that speaks its protocol
  protocol: 2,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  connectTimeout: 5_000,
  socketTimeout: ANSWER_LIMIT_MS,
  disconnectTimeout: 100,
  keepAlive: 10_000,
} satisfies RedisOptions;

/** Connects in the background and for ever. A command while there is no connection fails at once. */
export function connectRedis({ url, name, onChange }: RedisConnectionOptions): RedisConnection {
  const cluster = clusterOf(url);
  if (cluster === undefined) return connectSingle({ url, name, onChange });
  const { nodes, ...access } = cluster;
  const connection = new Cluster(nodes, {
    // its nodes have no retryStrategy: one that is lost is found again where the cluster says that it is
    redisOptions: { ...settings, ...access, connectionName: name },
    enableOfflineQueue: false,
    // A lost answer says nothing about what was done, and CLUSTERDOWN may last: both are for us to repeat.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    // For MOVED, ASK and TRYAGAIN. Past it the error would lose its own words, so there is some room.
    maxRedirections: 8,
    // A cluster that is down says so to each command, in its own words.
    enableReadyCheck: false,
    clusterRetryStrategy: retryPauseMs,
    slotsRefreshTimeout: 2_000,
    // A certificate is made out to a name: it must not be replaced by an address before TLS has seen it.
    dnsLookup: (host, found) => found(null, host),
  });
  keepNodes(connection);
  return reporting(connection, onChange);
}

const LOST_NODE_LOOK_MS = 500;

/**
 * The client connects to a node when a command needs it, and forgets one that is lost; what is sent while it connects
 * fails. So connections are made beforehand, and after a loss the cluster is asked again and again who holds what.
 */
function keepNodes(cluster: Cluster): void {
  let isLookPlanned = false;
  cluster.on('+node', (node: Redis) => {
    // not at once: the command that it was made for is to be sent first
    setImmediate(() => {
      if (node.status === 'wait' && !node.options.readOnly) node.connect().catch(() => {});
    });
  });
  cluster.on('-node', () => {
    if (isLookPlanned) return;
    isLookPlanned = true;
    setTimeout(() => {
      isLookPlanned = false;
      if (cluster.status === 'ready') cluster.refreshSlotsCache();
    }, LOST_NODE_LOOK_MS).unref();
  });
}

/**
 * For what any node of a cluster does as well as another, such as listening: one connection to one of them, and to the
 * next one when that breaks. Of a single Redis the same as `connectRedis`.
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
      // the options are read anew at each connect
      Object.assign(redis.options, nextNode());
      return retryPauseMs(attempt);
    },
  });
  return reporting(redis, onChange);
}

/** One that stays read-only is not asked anew more often than that. */
const READ_ONLY_LOOK_MS = 5_000;

function connectSingle({ url, name, onChange }: RedisConnectionOptions): Redis {
  let lookedMs = Number.NEGATIVE_INFINITY;
  const redis = new Redis(url, {
    ...settings,
    connectionName: name,
    retryStrategy: retryPauseMs,
    // A server that has become a replica keeps its connections; the name in the URL may lead to the new master by now.
    reconnectOnError: ({ message }) => {
      if (!BECAME_REPLICA.test(message) || performance.now() - lookedMs < READ_ONLY_LOOK_MS) return false;
      lookedMs = performance.now();
      return true;
    },
  });
  return reporting(redis, onChange);
}

/** Refused to write, or to wait any longer for what is written. */
const BECAME_REPLICA = /^(?:READONLY|UNBLOCKED)\b/;

function reporting<Connection extends RedisConnection>(
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
 * Waits until commands are answered, or throws the last failure after the time limit. Of a cluster some node has to
 * answer, and all that can be reached are connected then.
 */
export async function whenReady(redis: RedisConnection, limitMs: number): Promise<void> {
  const deadline = Date.now() + limitMs;
  let failure: unknown;
  while (Date.now() < deadline) {
    try {
      await redis.ping();
      if (redis instanceof Cluster) await whenNodesSettled(redis, deadline - Date.now());
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

export interface Script {
  name: string;
  lua: string;
  sha1: string;
}

/** Runs a script by its hash, sending its text when this Redis has not seen it yet (a restart forgets scripts). */
export async function runScript(
  redis: RedisConnection,
  script: Script,
  keys: string[],
  args: (string | Buffer | number)[],
): Promise<unknown> {
  try {
    return await redis.evalsha(script.sha1, keys.length, ...keys, ...args);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return await redis.eval(script.lua, keys.length, ...keys, ...args);
  }
}

/** The same for replies that hold bytes: every text in them comes as a Buffer. */
export async function runScriptForBytes(
  redis: RedisConnection,
  script: Script,
  keys: string[],
  args: (string | Buffer | number)[],
): Promise<unknown> {
  try {
    return await redis.callBuffer('EVALSHA', script.sha1, keys.length, ...keys, ...args);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return await redis.callBuffer('EVAL', script.lua, keys.length, ...keys, ...args);
  }
}

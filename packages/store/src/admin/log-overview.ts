// What an operator wants to see at one glance of the log and of those who work with it: a handful of questions to Redis, for
// a page that somebody looks at. Nothing of what vehicles sent.

import { lastHeardMs, Presence } from '../presence/index.js';
import type { RedisConnection } from '../redis/index.js';
import { dispatchersKey, type PartitionKeys, partitionKeys, tokensKey } from '../redis/index.js';

export interface LogOverview {
  /** When Redis has what it has answered on disk. `unknown`: it does not say (a managed one). */
  durability: 'at_once' | 'within_a_second' | 'when_the_system_likes' | 'never' | 'unknown';
  /** Dispatchers and processes of the streaming server that live. */
  dispatchers: number;
  streamingProcesses: number;
  /** Vehicles that a client of the streaming server follows, or has followed within RESUME_WINDOW. */
  followedVehicles: number;
  /** Grants of TokenStore. */
  tokens: number;
  knownVehicles: number;
  connectedVehicles: number;
  /** Those who are connected first, then by when they were last heard; at most as many as asked for. */
  vehicles: VehicleSeen[];
}

export interface VehicleSeen {
  vin: string;
  connectedSinceMs: number | undefined;
  lastHeardMs: number | undefined;
}

/** A process of the streaming server gives a sign of life every half second. */
const SILENT_MS = 5_000;

export async function readLogOverview(
  { redis, namespace, partitions }: { redis: RedisConnection; namespace: string; partitions: number },
  { atMostVehicles }: { atMostVehicles: number },
): Promise<LogOverview> {
  const [seconds, microseconds] = await redis.time();
  const nowMs = Number(seconds) * 1_000 + Number(microseconds) / 1_000;
  const all = Array.from({ length: partitions }, (_, partition) => partitionKeys(namespace, partition));
  const vehicles = await seenVehicles({ redis, namespace, partitions }, { all, nowMs });
  const followed = await Promise.all(all.map(({ slotVins }) => redis.zcount(slotVins, nowMs, '+inf')));
  return {
    durability: await durabilityOf(redis),
    dispatchers: await redis.zcount(dispatchersKey(namespace), nowMs, '+inf'),
    streamingProcesses: await livingStreaming(redis, { all, nowMs }),
    followedVehicles: followed.reduce((sum, count) => sum + count, 0),
    tokens: await redis.hlen(tokensKey(namespace)),
    knownVehicles: vehicles.length,
    connectedVehicles: vehicles.filter(({ connectedSinceMs }) => connectedSinceMs !== undefined).length,
    vehicles: vehicles.slice(0, atMostVehicles),
  };
}

interface Moment {
  all: readonly PartitionKeys[];
  nowMs: number;
}

async function seenVehicles(
  { redis, namespace, partitions }: { redis: RedisConnection; namespace: string; partitions: number },
  { all, nowMs }: Moment,
): Promise<VehicleSeen[]> {
  const presence = new Presence({ redis, namespace, partitions });
  const lists = await Promise.all(
    all.map(async ({ partition, newest }) => {
      const since = new Map((await presence.connectedIn(partition)).map(({ vin, sinceMs }) => [vin, sinceMs]));
      const vins = [...new Set([...(await redis.hkeys(newest)), ...since.keys()])];
      const heard = await lastHeardMs(redis, { namespace, partition, vins, nowMs });
      return vins.map((vin) => ({ vin, connectedSinceMs: since.get(vin), lastHeardMs: heard.get(vin) }));
    }),
  );
  const rank = ({ connectedSinceMs }: VehicleSeen) => (connectedSinceMs === undefined ? 1 : 0);
  return lists
    .flat()
    .sort((a, b) => rank(a) - rank(b) || (b.lastHeardMs ?? 0) - (a.lastHeardMs ?? 0) || (a.vin < b.vin ? -1 : 1));
}

/** The same process shows itself in every partition. */
async function livingStreaming(redis: RedisConnection, { all, nowMs }: Moment): Promise<number> {
  const beats = await Promise.all(all.map(({ streamingProcesses }) => redis.hgetall(streamingProcesses)));
  const living = beats
    .flatMap((hash) => Object.entries(hash))
    .filter(([, beatMs]) => Number(beatMs) > nowMs - SILENT_MS);
  return new Set(living.map(([processId]) => processId)).size;
}

async function durabilityOf(redis: RedisConnection): Promise<LogOverview['durability']> {
  const [appendOnly, sync] = await Promise.all([setting(redis, 'appendonly'), setting(redis, 'appendfsync')]);
  if (appendOnly === undefined) return 'unknown';
  if (appendOnly !== 'yes') return 'never';
  if (sync === 'always') return 'at_once';
  return sync === 'everysec' ? 'within_a_second' : 'when_the_system_likes';
}

/** Undefined where CONFIG is not for us (an ACL, a managed Redis). */
async function setting(redis: RedisConnection, name: string): Promise<string | undefined> {
  try {
    const [, value] = (await redis.config('GET', name)) as string[];
    return value;
  } catch {
    return undefined;
  }
}

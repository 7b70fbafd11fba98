// An overview of the log and of the processes that use it, for a status page: a few commands to Redis. Contains no data
// from vehicles.

import { lastReceivedMs, limitedVehicles, Presence } from '../presence/index.js';
import { dispatchersKey, type RedisConnection, type Store, tokensKey } from '../redis/index.js';
import { ClientStore } from './client-store.js';
import { recordsPerMinute } from './record-rate.js';
import { readSubscriptions, type SubscriptionSeen } from './subscriptions-overview.js';

export interface LogOverview {
  /** When data that Redis has confirmed is on disk. `unknown`: a managed Redis that does not report it. */
  durability: 'at_once' | 'within_a_second' | 'when_the_system_likes' | 'never' | 'unknown';
  /** Running dispatchers and processes of the streaming server. */
  dispatchers: number;
  streamingProcesses: number;
  /** Vehicles that a client of the streaming server follows, or has followed within RESUME_WINDOW. */
  followedVehicles: number;
  /** Grants of TokenStore. */
  tokens: number;
  /** Programs that sign in at the gateway, and when one of them polled last, epoch ms. */
  clients: number;
  lastPollMs: number | undefined;
  /** Records that were received in the last minute; an estimate above 100. */
  recordsPerMinute: number;
  /** At most 50, by name. */
  subscriptions: SubscriptionSeen[];
  knownVehicles: number;
  connectedVehicles: number;
  /** Limited vehicles first, then connected ones, then by the time of the last record; at most `atMostVehicles`. */
  vehicles: VehicleSeen[];
}

export interface VehicleSeen {
  vin: string;
  connectedSinceMs: number | undefined;
  lastReceivedMs: number | undefined;
  /** Its socket was paused within the last five minutes: it sends more than VEHICLE_BYTES_PER_MINUTE. */
  isLimited: boolean;
}

/** A vehicle that sends too much is paused every few seconds; ingest stores that every half minute. */
const LIMITED_MS = 300_000;

const SUBSCRIPTIONS_SHOWN = 50;

/** A process of the streaming server sends a heartbeat every half second. */
const SILENT_MS = 5_000;

export async function readLogOverview(
  store: Store,
  { atMostVehicles }: { atMostVehicles: number },
): Promise<LogOverview> {
  const { redis, namespace } = store;
  const [seconds, microseconds] = await redis.time();
  const nowMs = Number(seconds) * 1_000 + Number(microseconds) / 1_000;
  const vehicles = await seenVehicles(store, nowMs);
  const followed = await store.eachPartition(({ slotVins }) => redis.zcount(slotVins, nowMs, '+inf'));
  return {
    durability: await durabilityOf(redis),
    dispatchers: await redis.zcount(dispatchersKey(namespace), nowMs, '+inf'),
    streamingProcesses: await countStreamingProcesses(store, nowMs),
    followedVehicles: followed.reduce((sum, count) => sum + count, 0),
    tokens: await redis.hlen(tokensKey(namespace)),
    ...(await new ClientStore(store).overview()),
    recordsPerMinute: await recordsPerMinute(store, nowMs),
    subscriptions: await readSubscriptions(store, { nowMs, atMost: SUBSCRIPTIONS_SHOWN }),
    knownVehicles: vehicles.length,
    connectedVehicles: vehicles.filter(({ connectedSinceMs }) => connectedSinceMs !== undefined).length,
    vehicles: vehicles.slice(0, atMostVehicles),
  };
}

async function seenVehicles(store: Store, nowMs: number): Promise<VehicleSeen[]> {
  const presence = new Presence(store);
  const limited = new Set((await limitedVehicles(store, { withinMs: LIMITED_MS })).map(({ vin }) => vin));
  const lists = await store.eachPartition(async ({ partition, newest }) => {
    const since = new Map((await presence.connectedIn(partition)).map(({ vin, sinceMs }) => [vin, sinceMs]));
    const vins = [...new Set([...(await store.redis.hkeys(newest)), ...since.keys()])];
    const received = await lastReceivedMs(store, { partition, vins, nowMs });
    return vins.map((vin) => ({
      vin,
      connectedSinceMs: since.get(vin),
      lastReceivedMs: received.get(vin),
      isLimited: limited.has(vin),
    }));
  });
  const rank = ({ isLimited, connectedSinceMs }: VehicleSeen) =>
    isLimited ? 0 : connectedSinceMs === undefined ? 2 : 1;
  return lists
    .flat()
    .sort((a, b) => rank(a) - rank(b) || (b.lastReceivedMs ?? 0) - (a.lastReceivedMs ?? 0) || (a.vin < b.vin ? -1 : 1));
}

/** Each process sends heartbeats to every partition. */
async function countStreamingProcesses(store: Store, nowMs: number): Promise<number> {
  const beats = await store.eachPartition(({ streamingProcesses }) => store.redis.hgetall(streamingProcesses));
  const alive = beats
    .flatMap((hash) => Object.entries(hash))
    .filter(([, beatMs]) => Number(beatMs) > nowMs - SILENT_MS);
  return new Set(alive.map(([processId]) => processId)).size;
}

async function durabilityOf(redis: RedisConnection): Promise<LogOverview['durability']> {
  const [appendOnly, sync] = await Promise.all([setting(redis, 'appendonly'), setting(redis, 'appendfsync')]);
  if (appendOnly === undefined) return 'unknown';
  if (appendOnly !== 'yes') return 'never';
  if (sync === 'always') return 'at_once';
  return sync === 'everysec' ? 'within_a_second' : 'when_the_system_likes';
}

/** Undefined where CONFIG is not allowed (an ACL, a managed Redis). */
async function setting(redis: RedisConnection, name: string): Promise<string | undefined> {
  try {
    const [, value] = (await redis.config('GET', name)) as string[];
    return value;
  } catch {
    return undefined;
  }
}

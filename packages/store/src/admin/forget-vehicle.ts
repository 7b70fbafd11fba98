// Everything that is stored of one vehicle, deleted. The log first and the snapshot with its last page, so that nobody can
// make it again from entries that are still there. Every step may be repeated: who was interrupted begins anew.

import { createHash } from 'node:crypto';
import { BEGINNING } from '@fleetbridge/protocol';
import { Cluster } from 'ioredis';
import { type PartitionKeys, type RedisConnection, runScript, type Store } from '../redis/index.js';
import { forgetMessages, forgetRecords } from '../scripts/index.js';
import { SNAPSHOT_LEASE } from '../snapshot/index.js';
import { subscriptionLease } from '../subscription/index.js';

/** How long processes that hold something of a vehicle in memory can learn that it was forgotten. */
const ANNOUNCED_MS = 3_600_000;
/** About a millisecond of Redis each. */
const RECORDS_A_PAGE = 500;
const MESSAGES_A_PAGE = 50;

export interface ForgetRequest {
  vin: string;
  /** Names of those whose dead letters are to be looked through. */
  subscriptions: readonly string[];
}

export interface ForgetResult {
  /** Entries of the log. */
  records: number;
  deadLetters: number;
  quarantined: number;
  /** Snapshot, marks against repeats, presence, resume positions, checkpoints: how many of them there were. */
  others: number;
}

/**
 * Deletes once. A process that held something in memory may write it again in the next second or two, until it has seen
 * that the vehicle is forgotten; so whoever wants to be sure comes back a few seconds later.
 */
export async function forgetVehicle(store: Store, { vin, subscriptions }: ForgetRequest): Promise<ForgetResult> {
  const { redis } = store;
  const keys = store.keysOf(vin);
  const { records, others } = await forgetLog(redis, keys, vin);
  let deadLetters = 0;
  for (const name of subscriptions) {
    const named = [keys.dead(name), keys.redeliver(name), keys.lease(subscriptionLease(name))];
    deadLetters += await forgetIn(redis, named, vin);
  }
  const quarantined = await forgetIn(redis, [keys.quarantine], vin);
  return { records, others, deadLetters, quarantined };
}

async function forgetLog(redis: RedisConnection, keys: PartitionKeys, vin: string) {
  const named = [
    keys.records,
    keys.presence,
    keys.newest,
    keys.vins,
    keys.slotVins,
    keys.lease(SNAPSHOT_LEASE),
    keys.forgotten,
    keys.snapshotCursor,
    ...[keys.seenPrefix, keys.snapshotPrefix, keys.slotsPrefix, keys.checkpointsPrefix].map((prefix) => prefix + vin),
  ];
  const rest = [keys.rejections(''), keys.lease(subscriptionLease('')), fingerprintOf(vin), ANNOUNCED_MS];
  let records = 0;
  let others = 0;
  for (let after = BEGINNING; after !== ''; ) {
    const reply = await runScript(redis, forgetRecords, named, [
      vin,
      after,
      RECORDS_A_PAGE,
      ...rest,
      records,
      keys.replaced,
    ]);
    const [following, deleted, deletedOthers] = reply as [string, number, number];
    after = following;
    records += deleted;
    others += deletedOthers;
  }
  return { records, others };
}

async function forgetIn(redis: RedisConnection, keys: string[], vin: string): Promise<number> {
  let count = 0;
  for (let after = BEGINNING; after !== ''; ) {
    const reply = await runScript(redis, forgetMessages, keys, [vin, after, MESSAGES_A_PAGE]);
    const [following, deleted] = reply as [string, number];
    after = following;
    count += deleted;
  }
  return count;
}

/**
 * What was deleted is still in the append-only file, as a history; Redis writes that anew beside its work. Resolves when it
 * has begun; `none`: it keeps no such file. Throws where Redis refuses, or is at it already.
 */
export async function rewriteAppendOnlyFiles(redis: RedisConnection): Promise<'begun' | 'none'> {
  const nodes = redis instanceof Cluster ? redis.nodes('all') : [redis];
  const answers = await Promise.all(
    nodes.map(async (node) => {
      const hasFile = /^aof_enabled:1/m.test(await node.info('persistence'));
      if (hasFile) await node.bgrewriteaof();
      return hasFile;
    }),
  );
  return answers.includes(true) ? 'begun' : 'none';
}

/** For processes that hold vehicles in memory: which of them were forgotten. Redis knows them by fingerprint only. */
export class ForgottenVehicles {
  readonly #store: Store;
  /** By fingerprint: the time of its last announcement that was told. */
  readonly #told = new Map<string, string>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Those of `vins` that were forgotten since the last look (at the first look: within the last hour), and when. */
  async among(vins: () => Iterable<string>): Promise<{ vin: string; atMs: number }[]> {
    const lists = await this.#store.eachPartition(({ forgotten }) =>
      this.#store.redis.zrange(forgotten, '0', '-1', 'WITHSCORES'),
    );
    const announced = new Map<string, string>();
    for (const list of lists) for (let at = 0; at + 1 < list.length; at += 2) announced.set(list[at]!, list[at + 1]!);
    const news = new Set([...announced].filter(([name, time]) => this.#told.get(name) !== time).map(([name]) => name));
    for (const name of this.#told.keys()) if (!announced.has(name)) this.#told.delete(name);
    for (const name of news) this.#told.set(name, announced.get(name)!);
    if (news.size === 0) return [];
    return [...vins()].flatMap((vin) => {
      const name = fingerprintOf(vin);
      return news.has(name) ? [{ vin, atMs: Number(announced.get(name)) }] : [];
    });
  }
}

function fingerprintOf(vin: string): string {
  return createHash('sha256').update(vin).digest('hex');
}

// Deletes everything that is stored of one vehicle. The snapshot is deleted with the last page of the log, so that no
// process can rebuild it from remaining entries. Every step can be repeated after an interruption.

import { createHash } from 'node:crypto';
import { BEGINNING } from '@fleetbridge/protocol';
import { Cluster } from 'ioredis';
import { type PartitionKeys, type RedisConnection, runScript, type Store, vehicleIdsKey } from '../redis/index.js';
import { forgetMessages, forgetRecords } from '../scripts/index.js';
import { SNAPSHOT_LEASE } from '../snapshot/index.js';
import { subscriptionLease } from '../subscription/index.js';
import { ConfigurationStore, DoctorReportStore } from '../tesla/index.js';

/** How long a deletion is announced to processes that hold data of the vehicle in memory. */
const ANNOUNCED_MS = 3_600_000;
/** Each page takes Redis about a millisecond. */
const RECORDS_PER_PAGE = 500;
const MESSAGES_PER_PAGE = 50;

export interface ForgetRequest {
  vin: string;
  /** Subscriptions to search for dead letters of the vehicle. */
  subscriptions: readonly string[];
}

export interface ForgetResult {
  /** Entries of the log. */
  records: number;
  deadLetters: number;
  quarantined: number;
  /**
   * Deleted items of other kinds: snapshot, ring of seen records, presence, resume positions, checkpoints, counts of
   * signals, those of REST and of commands, the telemetry configuration, findings of the doctor.
   */
  others: number;
}

/**
 * Deletes once. A process that holds data in memory may write it again within two seconds, until it notices the
 * deletion. Repeat the deletion a few seconds later to be sure.
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
  const audited = await forgetIn(redis, [keys.commandAudit], vin);
  const ids = await redis.hdel(vehicleIdsKey(store.namespace), vin);
  const configured = await new ConfigurationStore(store).remove(vin);
  const reported = await new DoctorReportStore(store).removeVehicle(vin);
  return { records, others: others + audited + ids + configured + reported, deadLetters, quarantined };
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
    keys.limited,
    ...[
      keys.seenPrefix,
      keys.snapshotPrefix,
      keys.slotsPrefix,
      keys.checkpointsPrefix,
      keys.vehicleTimePrefix,
      keys.answeredPrefix,
      keys.seedPrefix,
      keys.configPrefix,
      // the turn too: the command in flight can't be signed again from what is in memory
      keys.commandTurnPrefix,
      keys.commandSessionsPrefix,
      keys.commandCountersPrefix,
      keys.commandEpochPrefix,
      keys.commandQueuePrefix,
      keys.commandWaitersPrefix,
      keys.commandCallsPrefix,
      keys.commandProtocolPrefix,
      keys.signalDaysPrefix,
    ].map((prefix) => prefix + vin),
  ];
  const rest = [keys.rejections(''), keys.lease(subscriptionLease('')), fingerprintOf(vin), ANNOUNCED_MS];
  let records = 0;
  let others = 0;
  for (let after = BEGINNING; after !== ''; ) {
    const reply = await runScript(redis, forgetRecords, named, [
      vin,
      after,
      RECORDS_PER_PAGE,
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
    const reply = await runScript(redis, forgetMessages, keys, [vin, after, MESSAGES_PER_PAGE]);
    const [following, deleted] = reply as [string, number];
    after = following;
    count += deleted;
  }
  return count;
}

/**
 * Deleted data is still in the append-only file, which Redis rewrites in the background. Resolves when the rewrite has
 * begun; `disabled`: there is no append-only file. Throws when Redis rejects it, or a rewrite is running.
 */
export async function rewriteAppendOnlyFiles(redis: RedisConnection): Promise<'begun' | 'disabled'> {
  const nodes = redis instanceof Cluster ? redis.nodes('all') : [redis];
  const answers = await Promise.all(
    nodes.map(async (node) => {
      const hasFile = /^aof_enabled:1/m.test(await node.info('persistence'));
      if (hasFile) await node.bgrewriteaof();
      return hasFile;
    }),
  );
  return answers.includes(true) ? 'begun' : 'disabled';
}

/** Finds the deleted vehicles among those in memory. Redis stores only fingerprints of deleted vehicles. */
export class ForgottenVehicles {
  readonly #store: Store;
  /** By fingerprint: the time of the last announcement that was returned. */
  readonly #reported = new Map<string, string>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Those of `vins` that were deleted since the last call (in the first call: within the last hour), and when. */
  async among(vins: () => Iterable<string>): Promise<{ vin: string; atMs: number }[]> {
    const lists = await this.#store.eachPartition(({ forgotten }) =>
      this.#store.redis.zrange(forgotten, '0', '-1', 'WITHSCORES'),
    );
    const announced = new Map<string, string>();
    for (const list of lists) for (let at = 0; at + 1 < list.length; at += 2) announced.set(list[at]!, list[at + 1]!);
    const news = new Set(
      [...announced].filter(([name, time]) => this.#reported.get(name) !== time).map(([name]) => name),
    );
    for (const name of this.#reported.keys()) if (!announced.has(name)) this.#reported.delete(name);
    for (const name of news) this.#reported.set(name, announced.get(name)!);
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

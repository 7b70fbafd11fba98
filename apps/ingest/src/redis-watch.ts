// Watches whether Redis can keep what ingest acknowledges. A Redis that deletes records or rejects writes is not ready, from
// before the first record on; vehicles connect when it is corrected, without a restart.
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger, Readiness } from '@fleetbridge/service';
import { type RedisCondition, redisCondition, type Store } from '@fleetbridge/store';

const POLL_MS = 2_000;
/** Until the first answer of Redis. */
const FIRST_POLL_MS = 100;

export interface RedisWatchOptions {
  store: Store;
  readiness: Pick<Readiness, 'set'>;
  log: Pick<Logger, 'info' | 'warn' | 'error'>;
  pollMs?: number | undefined;
}

export interface RedisWatch {
  /** Resolves when Redis is suitable. An aborted signal ends the wait with its reason. */
  untilSuitable(signal: AbortSignal): Promise<void>;
  stop(): void;
}

export function watchRedis({ store, readiness, log, pollMs = POLL_MS }: RedisWatchOptions): RedisWatch {
  const stopping = new AbortController();
  let known: string | undefined;
  let isSuitable = false;
  let hadProblem = false;

  const check = async () => {
    const condition = await redisCondition(store).catch(() => undefined);
    // that it does not answer is another check
    if (condition === undefined) return;
    const problem = problemOf(condition);
    isSuitable = problem === undefined;
    const state = JSON.stringify(condition);
    if (state === known) return;
    known = state;
    if (problem !== undefined) {
      readiness.set('redis_writes', { ready: false, reason: problem.reason });
      log.error({ ...problem }, 'redis_unsuitable');
      hadProblem = true;
      return;
    }
    if (hadProblem) {
      readiness.set('redis_writes', { ready: true });
      log.info({}, 'redis_suitable');
    }
    if (condition.eviction === undefined) return;
    log.warn({ policy: condition.eviction.policy, remedy: NO_EVICTION }, 'redis_evicts');
  };
  const run = async () => {
    while (!stopping.signal.aborted) {
      await check();
      await delay(known === undefined ? FIRST_POLL_MS : pollMs, undefined, {
        signal: stopping.signal,
        ref: false,
      }).catch(() => {});
    }
  };
  void run();
  return {
    untilSuitable: async (signal) => {
      await check();
      while (!isSuitable) {
        signal.throwIfAborted();
        await delay(200);
      }
    },
    stop: () => stopping.abort(),
  };
}

export const NO_EVICTION = 'maxmemory-policy noeviction (redis.conf), or a Redis of its own';

export type RedisProblem = 'read_only' | 'writes_rejected' | 'evicts_records';

export const redisProblems: Readonly<Record<RedisProblem, { text: string; remedy: string }>> = {
  read_only: {
    text: 'It is read-only, as a replica is',
    remedy: 'REDIS_URL must name the master, not a replica',
  },
  writes_rejected: {
    text: 'It rejects writes; the log has its error (event redis_unsuitable)',
    remedy: 'Give the user of REDIS_URL the right to write, start missing replicas, or see the log of Redis',
  },
  evicts_records: {
    text: 'It deletes records when its memory is full, because of its maxmemory-policy',
    remedy: NO_EVICTION,
  },
};

/** Why ingest may not acknowledge records with this Redis. */
function problemOf({ rejection, eviction }: RedisCondition) {
  const reason: RedisProblem | undefined =
    rejection === undefined
      ? eviction?.deletesRecords === true
        ? 'evicts_records'
        : undefined
      : rejection.startsWith('READONLY')
        ? 'read_only'
        : 'writes_rejected';
  if (reason === undefined) return undefined;
  return { reason, error: rejection ?? `maxmemory-policy ${eviction?.policy}`, remedy: redisProblems[reason].remedy };
}

// Measures Redis' memory, and logs an error when it exceeds 70 % of the limit.
import type { Logger } from '@fleetbridge/service';
import { memoryUse, type RedisConnection } from '@fleetbridge/store';

const ALARM_SHARE = 0.7;

export interface MemoryCounts {
  redisUsedBytes: number;
  /** 0: no limit. */
  redisLimitBytes: number;
}

export interface MemoryAlarmOptions {
  redis: RedisConnection;
  counts: MemoryCounts;
  log: Logger;
}

export class MemoryAlarm {
  readonly #options: MemoryAlarmOptions;
  #isAboveLimit = false;

  constructor(options: MemoryAlarmOptions) {
    this.#options = options;
  }

  /** Logs once when the use passes the alarm limit. */
  async check(): Promise<void> {
    const { redis, counts, log } = this.#options;
    const { usedBytes, limitBytes } = await memoryUse(redis);
    counts.redisUsedBytes = usedBytes;
    counts.redisLimitBytes = limitBytes;
    const isAboveLimit = limitBytes > 0 && usedBytes > limitBytes * ALARM_SHARE;
    if (isAboveLimit && !this.#isAboveLimit) {
      log.error(
        {
          used_bytes: usedBytes,
          limit_bytes: limitBytes,
          remedy: "raise Redis' maxmemory or lower RETENTION_HOURS; when it is full, vehicles get no acks",
        },
        'redis_memory_nearly_full',
      );
    }
    this.#isAboveLimit = isAboveLimit;
  }
}

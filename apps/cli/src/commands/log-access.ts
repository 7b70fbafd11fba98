// Connects a command to Redis: at REDIS_URL, or the Redis that `up` runs in DATA_DIR.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ConfigError, loadConfig } from '@fleetbridge/service';
import { openStore, type Store, whenReady } from '@fleetbridge/store';
import { logAccessConfig } from '../config.js';

/** Throws ConfigError when no Redis is configured or found, and a plain Error when Redis does not answer. */
export async function openLog(env: NodeJS.ProcessEnv, name: string): Promise<Store> {
  const { config } = loadConfig(logAccessConfig, { env });
  const url = config.REDIS_URL ?? ownRedisUrl(config.DATA_DIR);
  let reason: string | undefined;
  const onChange = (change: { reason: string }) => {
    reason = change.reason;
  };
  const store = openStore({ url, name, namespace: config.NAMESPACE, partitions: config.PARTITIONS, onChange });
  try {
    await whenReady(store.redis, 5_000);
  } catch (cause) {
    store.close();
    const problem =
      config.REDIS_URL === undefined
        ? `fleetbridge is not running in ${resolve(config.DATA_DIR)}; start it with npm start, or set DATA_DIR or REDIS_URL`
        : `Redis does not answer at REDIS_URL: ${reason ?? (cause as Error).message}`;
    throw new Error(problem, { cause });
  }
  return store;
}

function ownRedisUrl(dataDir: string): string {
  const file = join(resolve(dataDir), 'redis', 'url');
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    throw new ConfigError([
      {
        variable: 'REDIS_URL',
        problem: `not set, and ${file} could not be read (${code}); start fleetbridge first (npm start), or set REDIS_URL or DATA_DIR`,
      },
    ]);
  }
}

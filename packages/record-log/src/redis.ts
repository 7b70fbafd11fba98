// Connections to Redis. Never queued by the client, never resent by it: what is sent when, and what is repeated after
// a lost answer, is decided where the order of records is known.
import { Redis } from 'ioredis';

export interface RedisConnectionOptions {
  url: string;
  /** Shown by CLIENT LIST. */
  name: string;
  /** Called once for each change between reachable and not, with the reason. */
  onChange?: (change: { isReachable: boolean; reason: string }) => void;
}

export type RedisConnection = Redis;

/** Connects in the background and for ever. A command while there is no connection fails at once. */
export function connectRedis({ url, name, onChange }: RedisConnectionOptions): RedisConnection {
  const redis = new Redis(url, {
    connectionName: name,
    // RESP2 works with every Redis and every service that speaks its protocol
    protocol: 2,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 5_000,
    keepAlive: 10_000,
    retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 5), 1_000),
  });
  let isReachable: boolean | undefined;
  const changed = (now: boolean, reason: string) => {
    if (isReachable === now) return;
    isReachable = now;
    onChange?.({ isReachable: now, reason });
  };
  let lastError = 'connection closed';
  redis.on('ready', () => changed(true, 'connected'));
  redis.on('error', (error: Error) => {
    lastError = error.message || (error as NodeJS.ErrnoException).code || lastError;
  });
  redis.on('close', () => changed(false, lastError));
  return redis;
}

/** Waits until commands are answered, or throws the last failure after the time limit. */
export async function whenReady(redis: RedisConnection, limitMs: number): Promise<void> {
  const deadline = Date.now() + limitMs;
  let failure: unknown;
  while (Date.now() < deadline) {
    try {
      await redis.ping();
      return;
    } catch (error) {
      failure = error;
      await pause(50);
    }
  }
  throw failure ?? new Error(`no answer within ${limitMs} ms`);
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

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

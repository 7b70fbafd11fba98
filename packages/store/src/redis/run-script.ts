// Runs a script by its hash. Its text is sent only when this Redis does not know it: a restart forgets all scripts.
import type { RedisConnection } from './connection.js';

export interface Script {
  name: string;
  lua: string;
  sha1: string;
}

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

/** For replies with bytes: every string in the reply is a Buffer. */
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

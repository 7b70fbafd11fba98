// A Lua script with its hash, by which Redis runs it.
import { createHash } from 'node:crypto';
import type { Script } from '../redis/index.js';

export function defineScript(name: string, lua: string): Script {
  return { name, lua, sha1: createHash('sha1').update(lua).digest('hex') };
}

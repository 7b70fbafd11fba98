// How the log is laid out in a Redis is written at its first start. Everything that comes later must agree: with
// another number of partitions a vehicle's records would be split over two streams.

import { setTimeout as delay } from 'node:timers/promises';
import { whenReady } from './connection.js';
import { LayoutMismatch, RedisTooOld } from './errors.js';
import { layoutKey } from './keys.js';
import type { Store } from './store.js';

export const SCHEMA_VERSION = 1;

/** Writes the layout if there is none. Throws LayoutMismatch when what is there differs. */
export async function agreeOnLayout({ redis, namespace, partitions }: Store): Promise<void> {
  const key = layoutKey(namespace);
  // a Redis that is full can be read: a restart must not wait for room that only a dispatcher can make
  let text = await redis.get(key);
  if (text === null) {
    await redis.setnx(key, JSON.stringify({ schema: SCHEMA_VERSION, partitions }));
    text = await redis.get(key);
  }
  const found = parse(text);
  if (found === undefined) {
    throw new LayoutMismatch(
      `${key} in Redis is not a layout of ours; choose another NAMESPACE, or delete the key if it is yours to delete`,
    );
  }
  if (found.schema !== SCHEMA_VERSION) {
    throw new LayoutMismatch(
      `the log "${namespace}" in Redis has schema version ${found.schema}, this program works with ${SCHEMA_VERSION}; run the version that wrote it, or choose another NAMESPACE`,
    );
  }
  if (found.partitions !== partitions) {
    throw new LayoutMismatch(
      `the log "${namespace}" in Redis has ${found.partitions} partitions, PARTITIONS says ${partitions}; set PARTITIONS=${found.partitions}, or choose another NAMESPACE for a new log`,
    );
  }
}

/**
 * The same, waiting for Redis for as long as it takes, and looking first whether it is new enough. An aborted signal ends
 * the wait with its reason. Throws LayoutMismatch, RedisTooOld.
 */
export async function agreeOnLayoutWhenReady(store: Store, signal: AbortSignal): Promise<void> {
  const { redis } = store;
  for (;;) {
    signal.throwIfAborted();
    try {
      await whenReady(redis, 1_000);
      // some managed ones keep INFO to themselves
      const info = await redis.info('server').catch(() => '');
      const old = tooOld(info);
      if (old !== undefined) throw new RedisTooOld(old);
      await agreeOnLayout(store);
      return;
    } catch (error) {
      if (error instanceof LayoutMismatch || error instanceof RedisTooOld) throw error;
      // Redis may answer and still refuse to write (full, read-only)
      await delay(200);
    }
  }
}

/** The version that INFO tells of, when it is one that lacks flags of scripts (before 7.0). */
export function tooOld(info: string): string | undefined {
  const version = /^redis_version:(\S+)/m.exec(info)?.[1];
  return version !== undefined && Number.parseInt(version, 10) < 7 ? version : undefined;
}

function parse(text: string | null): { schema: number; partitions: number } | undefined {
  try {
    const layout = JSON.parse(text ?? '');
    return Number.isInteger(layout.schema) && Number.isInteger(layout.partitions) ? layout : undefined;
  } catch {
    // not JSON: somebody else's key
    return undefined;
  }
}

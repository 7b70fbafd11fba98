// The layout of the log is stored in Redis at the first start. Later starts must have the same layout: with another
// number of partitions the records of a vehicle would be split over two streams.

import { setTimeout as delay } from 'node:timers/promises';
import { whenReady } from './connection.js';
import { LayoutMismatch, RedisTooOld } from './errors.js';
import { layoutKey } from './keys.js';
import type { Store } from './store.js';

export const SCHEMA_VERSION = 1;

/** Stores the layout, unless there is one. Throws LayoutMismatch when the stored layout differs. */
export async function agreeOnLayout({ redis, namespace, partitions }: Store): Promise<void> {
  const key = layoutKey(namespace);
  // Read first: a Redis whose memory is full rejects writes, and a restart must not wait for a dispatcher to free memory.
  let text = await redis.get(key);
  if (text === null) {
    await redis.setnx(key, JSON.stringify({ schema: SCHEMA_VERSION, partitions }));
    text = await redis.get(key);
  }
  const stored = parse(text);
  if (stored === undefined) {
    throw new LayoutMismatch(
      `${key} in Redis is not a layout of fleetbridge; choose another NAMESPACE, or delete the key if no other program needs it`,
    );
  }
  if (stored.schema !== SCHEMA_VERSION) {
    throw new LayoutMismatch(
      `the log "${namespace}" in Redis has schema version ${stored.schema}, expected ${SCHEMA_VERSION}; run the version of fleetbridge that wrote it, or choose another NAMESPACE`,
    );
  }
  if (stored.partitions !== partitions) {
    throw new LayoutMismatch(
      `the log "${namespace}" in Redis has ${stored.partitions} partitions, expected ${partitions} (PARTITIONS); set PARTITIONS=${stored.partitions}, or choose another NAMESPACE for a new log`,
    );
  }
}

/**
 * Waits for Redis without limit, checks its version, then agrees on the layout. An aborted signal ends the wait with its
 * reason. Throws LayoutMismatch, RedisTooOld.
 */
export async function agreeOnLayoutWhenReady(store: Store, signal: AbortSignal): Promise<void> {
  const { redis } = store;
  for (;;) {
    signal.throwIfAborted();
    try {
      await whenReady(redis, 1_000);
      // some managed services do not allow INFO
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

/** The version in the reply of INFO, when it is older than 7.0 and therefore lacks script flags. */
export function tooOld(info: string): string | undefined {
  const version = /^redis_version:(\S+)/m.exec(info)?.[1];
  return version !== undefined && Number.parseInt(version, 10) < 7 ? version : undefined;
}

function parse(text: string | null): { schema: number; partitions: number } | undefined {
  try {
    const layout = JSON.parse(text ?? '');
    return Number.isInteger(layout.schema) && Number.isInteger(layout.partitions) ? layout : undefined;
  } catch {
    // not JSON: the key of another program
    return undefined;
  }
}

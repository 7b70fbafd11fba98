import { eventually } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import { it } from '../testing/index.js';
import { logIdentity, watchLogIdentity } from './identity.js';
import { agreeOnLayout } from './layout.js';
import type { Store } from './store.js';

describe('the identity of a log', () => {
  it('is the same for all processes, and is given to a log of an older version', async ({ store }) => {
    await agreeOnLayout(store);
    const all = await Promise.all(Array.from({ length: 5 }, () => logIdentity(store)));
    expect(new Set(all).size).toBe(1);
    expect(all[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(await logIdentity(store)).toBe(all[0]);
  });

  it('is not replaced when an old log gets it, nor while Redis is away or full', async ({ store, redis, cleanup }) => {
    await agreeOnLayout(store);
    await redis.config('SET', 'maxmemory', '1');
    const { events } = watch(store, cleanup);
    await eventually(() => events.polls > 3);
    await redis.config('SET', 'maxmemory', '0');
    await eventually(async () => (await redis.exists(`${store.namespace}:identity`)) === 1);
    const { polls } = events;
    await eventually(() => events.polls > polls + 3);
    expect(events.replaced).toEqual([]);
  });

  it('is another one in a log that was emptied: reported once, and the restart is tried until it succeeds', async ({
    store,
    redis,
    cleanup,
  }) => {
    await agreeOnLayout(store);
    const before = await logIdentity(store);
    const { events } = watch(store, cleanup, { failures: 2 });
    await eventually(() => events.polls > 2);
    await redis.del(await redis.keys(`${store.namespace}:*`));
    await eventually(() => events.restarted === 1);
    expect(events.replaced).toEqual([{ before, now: await logIdentity(store) }]);
    expect([events.restarts, events.failed]).toEqual([3, 2]);
    // the layout is there again
    expect(await redis.exists(`${store.namespace}:layout`)).toBe(1);
  });
});

function watch(store: Store, cleanup: (() => unknown)[], { failures = 0 } = {}) {
  const events = { polls: 0, replaced: [] as object[], restarts: 0, failed: 0, restarted: 0 };
  const counted = Object.create(store, {
    namespace: {
      get: () => {
        events.polls++;
        return store.namespace;
      },
    },
  });
  const identity = watchLogIdentity({
    store: counted,
    pollMs: 5,
    onReplaced: (change) => events.replaced.push(change),
    restart: () => {
      const isEnough = ++events.restarts > failures;
      return isEnough ? Promise.resolve() : Promise.reject(new Error('not yet'));
    },
    onFailure: () => events.failed++,
    onRestarted: () => events.restarted++,
  });
  cleanup.push(() => identity.stop());
  return { events };
}

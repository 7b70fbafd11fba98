// The checks of Redis, the clients and this machine.
import { statfs } from 'node:fs/promises';
import { logGrowth } from '@fleetbridge/store';
import {
  clockVerdict,
  diskVerdict,
  evictionVerdict,
  growthVerdict,
  memoryVerdict,
  notChecked,
  persistenceVerdict,
  pollVerdict,
  problem,
  streamVerdict,
  type Verdict,
  versionsVerdict,
  writesVerdict,
} from '../checks/index.js';
import type { Facts } from './facts.js';
import type { DoctorOptions } from './options.js';
import type { CheckRun } from './run-check.js';

export function machineChecks(facts: Facts, options: DoctorOptions): CheckRun[] {
  return [
    { name: 'redis.writes', run: writes },
    { name: 'redis.persistence', run: async () => persistenceVerdict((await facts.overview()).durability) },
    { name: 'redis.eviction', run: async () => evictionVerdict(await facts.condition()) },
    { name: 'redis.memory', run: async () => memoryVerdict(await facts.memory()) },
    { name: 'redis.growth', run: growth },
    { name: 'clock', run: clock },
    { name: 'disk', run: disk },
    { name: 'versions', run: versions },
    { name: 'teslamate.poll', run: async () => pollVerdict({ ...(await facts.overview()), nowMs: facts.nowMs() }) },
    { name: 'teslamate.stream', run: async () => streamVerdict(await facts.overview()) },
  ];

  async function writes(): Promise<Verdict> {
    if (options.store === undefined) return problem('redis_not_reachable', options.storeProblem);
    return writesVerdict(await facts.condition());
  }

  async function growth(): Promise<Verdict> {
    const { retentionHours } = options;
    return growthVerdict({ log: await logGrowth(await facts.store()), ...(await facts.memory()), retentionHours });
  }

  /** From the Date header of the free calls: of the application's token, and of the registration. */
  async function clock(): Promise<Verdict> {
    await facts.partner().catch(() => undefined);
    if (facts.aheadMs() === undefined) await facts.signIn().catch(() => undefined);
    const aheadMs = facts.aheadMs();
    return aheadMs === undefined ? notChecked('needs an answer of Tesla first') : clockVerdict(aheadMs);
  }

  async function disk(): Promise<Verdict> {
    const { bavail, blocks, bsize } = await statfs(options.dataDirectory);
    return diskVerdict({ freeBytes: bavail * bsize, totalBytes: blocks * bsize });
  }

  async function versions(): Promise<Verdict> {
    const info = await facts
      .store()
      .then(({ redis }) => redis.info('server'))
      // some managed services do not allow INFO
      .catch(() => '');
    const redis = /^redis_version:(\S+)/m.exec(info)?.[1];
    return versionsVerdict({ fleetbridge: options.version, node: process.version, redis });
  }
}

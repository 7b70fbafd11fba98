// A lease makes one process the only one to do a partition's work. Its epoch grows each time it is acquired. Scripts that
// write under a lease compare its whole value, so that a process that was suspended past the expiry can't write any more.
import { LeaseLost, runScript, type Store } from '../redis/index.js';
import { acquireLeaseScript, releaseLeaseScript, renewLeaseScript } from '../scripts/index.js';

export interface HeldLease {
  partition: number;
  name: string;
  /** `<owner> <epoch>`, what the key holds while the lease is held. */
  value: string;
  epoch: number;
}

export interface LeaseRequest {
  partition: number;
  name: string;
  owner: string;
  leaseMs: number;
}

/** Undefined while another owner holds the lease. */
export async function acquireLease(store: Store, request: LeaseRequest): Promise<HeldLease | undefined> {
  const { partition, name, owner, leaseMs } = request;
  const keys = store.keys(partition);
  const named = [keys.lease(name), keys.epoch(name)];
  const epoch = (await runScript(store.redis, acquireLeaseScript, named, [owner, leaseMs])) as number;
  return epoch === 0 ? undefined : { partition, name, epoch, value: `${owner} ${epoch}` };
}

/** Extends a held lease by `leaseMs` from now. Throws LeaseLost when it has expired. */
export async function renewLease(store: Store, lease: HeldLease, leaseMs: number): Promise<void> {
  const key = store.keys(lease.partition).lease(lease.name);
  const isRenewed = await runScript(store.redis, renewLeaseScript, [key], [lease.value, leaseMs]);
  if (isRenewed !== 1) throw new LeaseLost(lease.name);
}

/** Does nothing when the lease is no longer held. */
export async function releaseLease(store: Store, lease: HeldLease): Promise<void> {
  const key = store.keys(lease.partition).lease(lease.name);
  await runScript(store.redis, releaseLeaseScript, [key], [lease.value]);
}

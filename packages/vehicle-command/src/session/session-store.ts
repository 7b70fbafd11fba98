// Where sessions are kept between commands. Replicas of one installation share it.
import type { Domain } from '../messages/index.js';
import type { Session } from './session.js';

export const MAX_COUNTER = 0xffff_ffff;

export interface SessionStore {
  load(vin: string, domain: Domain): Promise<Session | undefined>;
  save(vin: string, domain: Domain, session: Session): Promise<void>;
  /** Forgets the session, so that the next command begins with a handshake. Allocated counters are not forgotten. */
  drop(vin: string, domain: Domain): Promise<void>;
  /**
   * A counter that was never returned before for this VIN, domain and epoch, by any replica: the highest one that was
   * returned, plus 1, but at least `atLeast`. Stored before it is returned. Undefined beyond MAX_COUNTER.
   */
  allocateCounter(vin: string, domain: Domain, epoch: Uint8Array, atLeast: number): Promise<number | undefined>;
}

/** For one process; lost when it ends, which costs a handshake per vehicle. */
export function memorySessionStore(): SessionStore {
  const sessions = new Map<string, Session>();
  const counters = new Map<string, number>();
  return {
    load: (vin, domain) => Promise.resolve(sessions.get(keyOf(vin, domain))),
    save: (vin, domain, session) => {
      sessions.set(keyOf(vin, domain), session);
      return Promise.resolve();
    },
    drop: (vin, domain) => {
      sessions.delete(keyOf(vin, domain));
      return Promise.resolve();
    },
    allocateCounter: (vin, domain, epoch, atLeast) => {
      const name = `${keyOf(vin, domain)}:${Buffer.from(epoch).toString('hex')}`;
      const counter = Math.max((counters.get(name) ?? 0) + 1, atLeast);
      if (counter > MAX_COUNTER) return Promise.resolve(undefined);
      counters.set(name, counter);
      return Promise.resolve(counter);
    },
  };
}

function keyOf(vin: string, domain: Domain): string {
  return `${vin}:${domain}`;
}

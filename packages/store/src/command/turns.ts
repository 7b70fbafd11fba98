// One command in flight per vehicle, in all processes together: VCSEC rejects commands out of order. The others wait in a
// bounded queue. What is written under a turn is compared with it, so that a process that was suspended past the expiry
// can't sign any more.
import { randomUUID } from 'node:crypto';
import { runScript, type Store } from '../redis/index.js';
import { acquireTurnScript, releaseLeaseScript } from '../scripts/index.js';

/** Commands that may wait per vehicle, beside the one in flight. */
export const MAX_WAITING = 8;
const ASK_AGAIN_MS = 50;
/** A process that doesn't ask for this long has died or is suspended. */
const TICKET_MS = 5_000;

export interface CommandTurn {
  vin: string;
  /** What the key holds while the turn is held. */
  value: string;
}

export type AcquiredTurn = { kind: 'acquired'; turn: CommandTurn } | { kind: 'queue_full' } | { kind: 'timed_out' };

export interface TurnRequest {
  vin: string;
  /** How long to wait for the turn. */
  waitMs: number;
  /** When the turn ends if it is not released. Longer than a command may take. */
  turnMs: number;
  monotonicMs: () => number;
  sleep: (milliseconds: number) => Promise<void>;
}

export async function acquireTurn(store: Store, request: TurnRequest): Promise<AcquiredTurn> {
  const { vin, waitMs, turnMs, monotonicMs, sleep } = request;
  const keys = store.keysOf(vin);
  const named = [
    keys.commandTurnPrefix,
    keys.commandEpochPrefix,
    keys.commandQueuePrefix,
    keys.commandWaitersPrefix,
  ].map((prefix) => prefix + vin);
  const ticket = randomUUID();
  const deadlineMs = monotonicMs() + waitMs;
  for (;;) {
    const reply = await runScript(store.redis, acquireTurnScript, named, [ticket, turnMs, TICKET_MS, MAX_WAITING]);
    if (reply === 'full') return { kind: 'queue_full' };
    if (reply !== 'waiting') return { kind: 'acquired', turn: { vin, value: String(reply) } };
    const leftMs = deadlineMs - monotonicMs();
    if (leftMs <= 0) {
      await store.redis.zrem(named[2]!, ticket);
      await store.redis.zrem(named[3]!, ticket);
      return { kind: 'timed_out' };
    }
    await sleep(Math.min(ASK_AGAIN_MS, leftMs));
  }
}

/** Does nothing when the turn is no longer held. */
export async function releaseTurn(store: Store, { vin, value }: CommandTurn): Promise<void> {
  await runScript(store.redis, releaseLeaseScript, [store.keysOf(vin).commandTurnPrefix + vin], [value]);
}

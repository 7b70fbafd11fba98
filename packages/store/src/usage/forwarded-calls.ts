// The budget of calls that the gateway forwards to Tesla, per day and month of UTC. All gateways share it.
import { forwardedCallsKey, runScript, type Store } from '../redis/index.js';
import { reserveCallScript } from '../scripts/index.js';
import { utcDay } from './usage-day.js';

export interface CallLimits {
  perDay: number;
  perMonth: number;
}

/** `reserved`: the call is counted and may leave. Otherwise the limit that is reached. */
export type CallReservation = 'reserved' | 'day' | 'month';

export interface ForwardedCalls {
  today: number;
  thisMonth: number;
}

/** A gateway whose clock is behind must still find the count of its day. */
const KEPT_MS = 40 * 86_400_000;

export async function reserveForwardedCall(
  { redis, namespace }: Store,
  { nowMs, perDay, perMonth }: CallLimits & { nowMs: number },
): Promise<CallReservation> {
  const { day, month } = fieldsOf(nowMs);
  const oldest = utcDay(Math.max(0, nowMs - KEPT_MS));
  const args = [day, perDay, month, perMonth, oldest];
  return (await runScript(redis, reserveCallScript, [forwardedCallsKey(namespace)], args)) as CallReservation;
}

/** For a reserved call that has not left. `nowMs` as at its reservation. */
export async function releaseForwardedCall({ redis, namespace }: Store, { nowMs }: { nowMs: number }): Promise<void> {
  const { day, month } = fieldsOf(nowMs);
  const key = forwardedCallsKey(namespace);
  await redis.multi().hincrby(key, day, -1).hincrby(key, month, -1).exec();
}

export async function readForwardedCalls(
  { redis, namespace }: Store,
  { nowMs }: { nowMs: number },
): Promise<ForwardedCalls> {
  const { day, month } = fieldsOf(nowMs);
  const [today, thisMonth] = await redis.hmget(forwardedCallsKey(namespace), day, month);
  return { today: Number(today ?? 0), thisMonth: Number(thisMonth ?? 0) };
}

function fieldsOf(nowMs: number): { day: string; month: string } {
  const day = utcDay(nowMs);
  return { day, month: day.slice(0, 7) };
}

// What a subscription does at the moment, as text: it delivers, or why it does not. Pure.
import type { SubscriptionLag } from './control.js';
import type { StoredSubscription } from './definitions.js';
import type { Suspension } from './suspension.js';

export interface SubscriptionFacts {
  stored: Pick<StoredSubscription, 'paused'>;
  mistakes: readonly string[];
  lags: readonly Pick<SubscriptionLag, 'partition' | 'holder' | 'suspension'>[];
  nowMs: number;
}

export function stateText({ stored: { paused }, mistakes, lags, nowMs }: SubscriptionFacts): string {
  if (mistakes.length > 0) return 'unusable';
  if (paused !== undefined) return paused === 'not_in_file' ? 'paused: not in file' : 'paused';
  const away = lags.filter(({ suspension }) => suspension !== undefined);
  if (away.length > 0) {
    const some = away.length < lags.length ? ` in ${away.length} of ${lags.length} partitions` : '';
    return `away${some} (${awayText(away[0]!.suspension!, nowMs)})`;
  }
  return lags.every(({ holder }) => holder === undefined) ? 'no dispatcher' : 'delivering';
}

/** `connect ECONNREFUSED 127.0.0.1:1883, since 20:11, next try in 12 s` */
export function awayText({ error, sinceMs, nextTryMs }: Suspension, nowMs: number): string {
  const seconds = Math.ceil((nextTryMs - nowMs) / 1_000);
  return `${error}, since ${clockTime(sinceMs, nowMs)}, ${seconds > 0 ? `next try in ${seconds} s` : 'trying now'}`;
}

export function recordsText(lags: readonly Pick<SubscriptionLag, 'records' | 'isAtLeast'>[]): string {
  const records = lags.reduce((sum, lag) => sum + lag.records, 0);
  return `${lags.some(({ isAtLeast }) => isAtLeast) ? 'at least ' : ''}${records}`;
}

/** Local time, as `npm start` prints it; with the date if that is not today. */
function clockTime(ms: number, nowMs: number): string {
  const local = (time: number) => new Date(time - new Date(time).getTimezoneOffset() * 60_000).toISOString();
  const [date, time] = [local(ms).slice(0, 10), local(ms).slice(11, 16)];
  return date === local(nowMs).slice(0, 10) ? time : `${date} ${time}`;
}

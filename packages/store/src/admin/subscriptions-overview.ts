// What each subscription does at the moment, for a status page.
import type { Store } from '../redis/index.js';
import { recordsText, SubscriptionStore, stateText } from '../subscription/index.js';

export interface SubscriptionSeen {
  name: string;
  /** `push`, `mqtt`, … */
  kind: string;
  /** As `fleetbridge subscription list` shows it. */
  state: string;
  isDelivering: boolean;
  /** Records that wait, as text: `at least 1002`. */
  waiting: string;
  deadLetters: number;
}

const kinds = ['push', 'mqtt', 'kafka', 'nats', 'log'];

export async function readSubscriptions(
  store: Store,
  { nowMs, atMost }: { nowMs: number; atMost: number },
): Promise<SubscriptionSeen[]> {
  const subscriptions = new SubscriptionStore(store);
  const all = await subscriptions.list();
  return await Promise.all(
    all.slice(0, atMost).map(async (stored) => {
      const { name, definition } = stored;
      const mistakes = (await subscriptions.verdict(name)) ?? [];
      const lags = await subscriptions.control(name).lag();
      const state = stateText({ stored, mistakes, lags, nowMs });
      return {
        name,
        kind: kinds.find((kind) => Object.hasOwn(Object(definition), kind)) ?? '?',
        state: mistakes.length > 0 ? `${state}: ${mistakes.join('; ')}` : state,
        isDelivering: state === 'delivering' || stored.paused !== undefined,
        waiting: recordsText(lags),
        deadLetters: lags.reduce((sum, { deadLetters }) => sum + deadLetters, 0),
      };
    }),
  );
}
